// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension ServedClosureTests {
    /// Whatever is sent, the answer is 4xx, tells nothing, and the next client is served.
    @Suite struct BadRequestTests {
        private let served: ServedClosure

        init() throws {
            served = try ServedClosureTests.served()
        }

        @Test(arguments: [
            "/.narinfo", "/a.narinfo", "/\(String(repeating: "e", count: 32)).narinfo",
            "/\(String(repeating: "0", count: 31)).narinfo",
            "/\(String(repeating: "0", count: 33)).narinfo",
            "/\(String(repeating: "0", count: 31))%00.narinfo",
            "/\(String(repeating: "A", count: 32)).narinfo",
            "/\(String(repeating: "0", count: 32)).narinfo/x",
            "/nar/.nar", "/nar/", "/nar", "/nar/x.nar?hash=../../etc/passwd",
            "/nar/\(String(repeating: "0", count: 52)).nar?hash=",
            "/nar/\(String(repeating: "0", count: 52)).nar?hash=%00",
            "/nar/\(String(repeating: "0", count: 32))-.nar",
            "/nar/\(String(repeating: "0", count: 32))-x.nar.zst",
            "/nar/\(String(repeating: "0", count: 32)).nar.xz",
            "/log/", "/log/x", "/log/.drv", "/log/%2e%2e", "/log/..%2f..%2fetc%2fpasswd",
            "/log/\(String(repeating: "0", count: 32))",
            "/log/\(String(repeating: "0", count: 32))-",
            "/log/\(String(repeating: "0", count: 32))-..",
            "/log/\(String(repeating: "0", count: 32))-\(String(repeating: "n", count: 5000)).drv",
            "/realisations/", "/realisations/x.doi", "/realisations/sha256:00!out.doi",
            "/realisations/sha256:\(String(repeating: "0", count: 64))!..%2f.doi",
            "/build-trace-v2/x/out.doi", "/build-trace-v2/../../x.doi",
            "/debuginfo/", "/debuginfo/..", "/debuginfo/x", "/debuginfo/..%2f..",
            "/serve/", "/serve/x", "/serve//etc/passwd",
            "/%", "/%zz", "/%2", "/\u{FF}", "/a b", "//", "/./", "/;", "/?", "/?a=%",
            "*", "http://", "firn", "/..",
        ])
        func aMalformedTargetIsTheClientsFault(_ target: String) async throws {
            let answer = try await served.plain.send(HTTPRequest(target).bytes)
            // "/?" and "/./" may be taken for the landing page.
            let isHTML = answer?["Content-Type"]?.hasPrefix("text/html") == true
            if answer?.status != 200 || !isHTML { expectRefusal(answer, of: target) }
            try await expectStillServing()
        }

        @Test(arguments: [
            "..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "..%2f..", "%2e%2e%2f%2e%2e", "..%5c..",
            "%252e%252e", "%c0%ae%c0%ae", "..%00", "..;", "%2f..", "./..", "share/../..",
            "share/%2e%2e/%2e%2e", "//", "/etc/passwd", "%2fetc%2fpasswd",
        ])
        func noSpellingOfDotsLeavesThePath(_ dots: String) async throws {
            let hash = try served.path("odd").storeHash
            let tails = ["", "/", "/../etc/passwd", "/..%2f..%2f..%2fetc/passwd", "/.links"]
            for tail in tails {
                for prefix in ["/serve/\(hash)/", "/serve/", "/log/", "/nar/", "/debuginfo/", "/"] {
                    let target = prefix + dots + tail
                    let answer = try await served.plain.send(HTTPRequest(target).bytes)
                    guard answer?.status != 200 else {
                        // Only the path itself, or one of Firn's own pages, may lie there.
                        expectNothingFromOutside(answer, target)
                        continue
                    }
                    if answer?.status != 301, answer?.status != 308 {
                        expectRefusal(answer, of: target)
                    }
                }
            }
            try await expectStillServing()
        }

        @Test(arguments: [
            "outside", "outside-directory/passwd", "parent", "grandparent", "parent/.links", "self",
            "dangling", "parent/../../../etc/passwd",
        ])
        func noSymlinkLeavesThePath(_ link: String) async throws {
            let hash = try served.path("odd").storeHash
            let answer = try await served.plain.get("/serve/\(hash)/\(link)")
            if answer.status == 301 || answer.status == 302 || answer.status == 307 {
                // A link to another served path may be answered with that path's address.
                #expect(answer["Location"]?.hasPrefix("/serve/") == true)
            } else {
                expectRefusal(answer, of: link)
            }
            expectNothingFromOutside(answer, link)
        }

        @Test func symlinksInsideThePathAreFollowed() async throws {
            let path = try served.path("odd")
            for link in ["relative", "deep/er/up"] {
                let answer = try await served.plain.get("/serve/\(path.storeHash)/\(link)")
                let location = "\(served.store.location(of: path))/\(link)"
                #expect(answer.status == 200, "\(link)")
                #expect(try Bytes(answer.body) == Bytes(read(location)), "\(link)")
            }
        }

        @Test(arguments: [
            "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get",
            "FIRN", "G",
        ])
        func otherMethodsAreRefused(_ method: String) async throws {
            let hash = served.top.storeHash
            for target in ["/nix-cache-info", "/\(hash).narinfo", "/nar/\(hash).nar", "/", "*"] {
                let request = HTTPRequest(target, method: method)
                expectRefusal(try await served.plain.send(request.bytes), of: "\(method) \(target)")
            }
            try await expectStillServing()
        }

        @Test(arguments: [
            "\r\n\r\n", "GET", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
            "GET / HTTP/1.1\r\nHost\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}",
        ])
        func bytesThatAreNoRequestEndTheConnectionOrAreRefused(_ text: String) async throws {
            let port = served.plain.port
            let answer = try await onOwnThread {
                let connection = HTTPConnection(try StreamSocket.connect(port: port))
                try connection.socket.write(Array(text.utf8))
                connection.socket.finishWriting()
                return try? connection.readAnswer()
            }
            if let answer, answer.status != 200 { expectRefusal(answer, of: text) }
            try await expectStillServing()
        }

        @Test func hugeHeadsAreRefused() async throws {
            let long = String(repeating: "x", count: 1 << 20)
            let many = (0..<20_000).map { (name: "X-\($0)", value: "x") }
            let requests = [
                HTTPRequest("/\(long)"),
                HTTPRequest("/nix-cache-info", fields: [(name: "X", value: long)]),
                HTTPRequest("/nix-cache-info", fields: [(name: long, value: "x")]),
                HTTPRequest("/nix-cache-info", fields: many),
                HTTPRequest("/nix-cache-info", method: long),
            ]
            for (number, request) in requests.enumerated() {
                let answer = try await served.plain.send(request.bytes)
                expectRefusal(answer, of: "huge head \(number)")
            }
            try await expectStillServing()
        }

        @Test func aBodyNobodyAskedForIsNotTheNextRequest() async throws {
            let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
            let length = [(name: "Content-Length", value: "\(inner.utf8.count)")]
            let outer = HTTPRequest("/nix-cache-info", fields: length).bytes
            let status = try await served.plain.onConnection { connection -> [Int] in
                try connection.socket.write(outer + Array(inner.utf8))
                connection.socket.finishWriting()
                var seen: [Int] = []
                while let answer = try? connection.readAnswer() { seen.append(answer.status) }
                return seen
            }
            #expect(status.count <= 1)
        }

        @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
            let targets = [
                "/nix-cache-info", "/\(served.top.storeHash).narinfo", "/nonsense.narinfo",
                "/nix-cache-info", "/healthz",
            ]
            let bytes = targets.flatMap { HTTPRequest($0).bytes }
            let alone = try await targets.asyncMap { try await served.plain.get($0).body }
            let together = try await served.plain.onConnection { connection in
                try connection.socket.write(bytes)
                return try targets.map { _ in try connection.readAnswer().body }
            }
            #expect(together.map { Bytes($0) } == alone.map { Bytes($0) })
        }

        private func expectRefusal(_ answer: HTTPAnswer?, of what: String) {
            guard let answer else { return }
            #expect((400..<500).contains(answer.status), "\(what.prefix(200)): \(answer.status)")
            expectNothingLeaked(answer, what)
        }

        private func expectNothingLeaked(_ answer: HTTPAnswer, _ what: String) {
            let text = answer.text
            for secret in [served.store.root, "/nix/store/", "root:", "errno", ".swift", "sqlite"] {
                #expect(!text.contains(secret), "\(what.prefix(200)): \(text.prefix(300))")
            }
        }

        private func expectNothingFromOutside(_ answer: HTTPAnswer?, _ what: String) {
            let text = answer?.text ?? ""
            #expect(!text.contains("root:"), "\(what)")
            // A listing of the whole store would name other paths of it.
            #expect(!text.contains("-link-1\""), "\(what)")
        }

        private func expectStillServing() async throws {
            let answer = try await served.plain.get("/nix-cache-info")
            #expect(answer.status == 200)
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Result>(
        _ transform: (Element) async throws -> Result
    ) async throws -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
