// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension ServedClosureTests {
    /// What HTTP caches and probes rely on, for every route.
    @Suite struct ValidatorTests {
        private let served: ServedClosure

        init() throws {
            served = try ServedClosureTests.served()
        }

        @Test func headEqualsGetOnEveryRoute() async throws {
            for target in try await targets() {
                let got = try await served.plain.get(target)
                let headed = try await served.plain.onConnection { connection in
                    let headed = try connection.ask(HTTPRequest(target, method: "HEAD"))
                    // A body after all would be read as the next answer.
                    let next = try? connection.ask(HTTPRequest("/nix-cache-info"))
                    #expect(next?.status == 200, "after HEAD \(target)")
                    return headed
                }
                #expect(headed.status == got.status, "\(target)")
                #expect(headed.comparableFields == got.comparableFields, "\(target)")
                if let length = got["Content-Length"] {
                    #expect(length == "\(got.body.count)", "\(target)")
                }
            }
        }

        @Test func whoHasTheTagIsToldNothingChanged() async throws {
            for target in try await targets() {
                let answer = try await served.plain.get(target)
                guard answer.status == 200, let tag = answer["ETag"] else { continue }
                #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""), "\(target) \(tag)")
                for known in [tag, "*", "\"other\", \(tag)", "W/\(tag)"] {
                    let fields = [(name: "If-None-Match", value: known)]
                    let again = try await served.plain.get(target, fields: fields)
                    #expect(again.status == 304, "\(target) \(known)")
                    #expect(again["ETag"] == tag, "\(target) \(known)")
                    #expect(again["Cache-Control"] == answer["Cache-Control"], "\(target)")
                }
                let fields = [(name: "If-None-Match", value: "\"other\"")]
                let changed = try await served.plain.get(target, fields: fields)
                #expect(changed.status == 200, "\(target)")
            }
        }

        @Test(arguments: WireForm.allCases)
        func aNARIsImmutableAndTagged(_ form: WireForm) async throws {
            let narInfo = try await served.server(form).narInfo(of: served.top)
            let url = try #require(narInfo["URL"])
            let answer = try await served.server(form).get("/\(url)")
            #expect(answer["ETag"] != nil)
            #expect(answer["Cache-Control"]?.contains("immutable") == true)
            #expect(answer["Content-Encoding"] == nil)
        }

        @Test func whatIsNamedByPathIsNotImmutable() async throws {
            let hash = served.top.storeHash
            for target in ["/nix-cache-info", "/\(hash).narinfo", "/\(hash).ls"] {
                let answer = try await served.plain.get(target)
                #expect(answer.status == 200, "\(target)")
                #expect(answer["Cache-Control"]?.contains("immutable") != true, "\(target)")
            }
        }

        @Test func theTwoFormsOfANARHaveTheirOwnTags() async throws {
            let narInfo = try await served.compressed.narInfo(of: served.top)
            let zstd = try #require(narInfo["URL"])
            let plain = try #require(try await served.plain.narInfo(of: served.top)["URL"])
            let tags = [
                try await served.compressed.get("/\(zstd)")["ETag"],
                try await served.compressed.get("/\(plain)")["ETag"],
            ]
            #expect(Set(tags).count == 2)
        }

        /// One target of each route and of each way to fail.
        private func targets() async throws -> [String] {
            let hash = served.top.storeHash
            let odd = try served.path("odd").storeHash
            let link = try served.path("link-3")
            let narInfo = try await served.plain.narInfo(of: served.top)
            let url = try #require(narInfo["URL"])
            let derivation = try await served.store
                .run("nix-store", ["--query", "--deriver", link]).text.storeBaseName
            let absent = String(repeating: "0", count: 32)
            return [
                "/", "/healthz", "/readyz", "/nix-cache-info",
                "/\(hash).narinfo", "/\(absent).narinfo", "/nonsense.narinfo",
                "/\(url)", "/nar/\(absent).nar", "/nar/nonsense.nar",
                "/\(hash).ls", "/\(absent).ls",
                "/log/\(derivation)", "/log/\(absent)-absent.drv", "/log/nonsense",
                "/serve/\(hash)", "/serve/\(hash)/", "/serve/\(hash)/references",
                "/serve/\(odd)/bytes-4096", "/serve/\(odd)/absent", "/serve/\(absent)/",
                "/realisations/sha256:\(String(repeating: "0", count: 64))!out.doi",
                "/build-trace-v2/\(absent)-absent.drv/out.doi",
                "/debuginfo/\(String(repeating: "0", count: 40))",
                "/no/such/route",
            ]
        }
    }
}

extension HTTPAnswer {
    /// The fields that a HEAD must have in common with its GET.
    fileprivate var comparableFields: [String: String] {
        let volatile: Set<String> = ["date", "x-request-id", "connection", "keep-alive"]
        let named = fields.map { ($0.name.lowercased(), $0.value) }
        return Dictionary(named) { "\($0), \($1)" }.filter { !volatile.contains($0.key) }
    }
}
