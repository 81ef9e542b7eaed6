// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import FirnTestSupport
import Fleet
import Foundation
import Testing

/// The pages for people, in a browser and without one.
@Suite(.fewAtATime)
struct StatusPageTests {
    private static let here = [(name: "Host", value: "127.0.0.1:5000")]

    /// A Firn with a store, a depot, a cache that was pushed to, a tier that is up and one that is not.
    private func withBusyServer(
        _ lines: [String] = [],
        _ body: (FirnServer, PushSetup) async throws -> Void
    ) async throws {
        try await withPushSetup(create: ["--public"]) { setup in
            let key = try String(
                contentsOfFile: "\(setup.server.state)/public-key",
                encoding: .utf8
            )
            try await withNixStore { own in
                let paths = try await own.buildSmall()
                var front = ServerSetup(storeRoot: own.root)
                front.compression = "zstd"
                front.serverLines = lines
                front.tiers = [
                    TierSetup("back", at: setup.server.url, trusting: [key]),
                    TierSetup("asleep", at: "http://127.0.0.1:1", trusting: [key]),
                ]
                front.lastLines = ["[[cache]]", "name = \"team\"", "quota = \"1GB\""]
                front.lastLines += ["[hosts.samsung]", "[hosts.p510]"]
                try await withServer(front) { server in
                    try Self.deploy("samsung", .rolledBack, second: 10, server)
                    try Self.deploy("samsung", .done, second: 20, server)
                    try await server.compressAhead(Array(paths.prefix(4)), within: .seconds(60))
                    let absent = String(repeating: "0", count: 32)
                    for _ in 0..<3 { _ = try await server.get("/\(absent).narinfo") }
                    try await body(server, setup)
                }
            }
        }
    }

    /// Leaves a receipt, as `firn deploy` does.
    private static func deploy(
        _ host: String,
        _ outcome: Receipt.Outcome,
        second: TimeInterval,
        _ server: FirnServer
    ) throws {
        var receipt = Receipt(
            id: "\(host)-\(second)",
            host: host,
            by: "olaf@razer",
            startedAt: Timestamp(Date(timeIntervalSince1970: 1_700_000_000 + second)),
            took: Milliseconds(.seconds(48)),
            strategy: .builder,
            action: "switch",
            outcome: outcome
        )
        receipt.newPath = "/nix/store/\(String(repeating: "a", count: 32))-nixos-system-\(host)"
        receipt.reason = outcome == .done ? nil : "<b>sshd</b> did not come back"
        try ReceiptBook(state: server.state).append(receipt, of: HostName(parsing: host))
    }

    @Test func deploymentsAreShownAsSoonAsTheyHaveTheirReceipts() async throws {
        try await withBusyServer { server, _ in
            let page = try await server.get("/status", fields: Self.here).text
            #expect(page.contains("● done"))
            #expect(page.contains("switch, by builder"))
            #expect(page.contains("nixos-system-samsung"))
            #expect(page.contains("✕ rolled back"))
            #expect(page.contains("&lt;b&gt;sshd&lt;/b&gt; did not come back"))
            #expect(page.contains("○ not deployed from here"))
            try Self.deploy("p510", .refused, second: 30, server)
            let later = try await server.get("/status", fields: Self.here).text
            #expect(later.contains("✕ refused") && !later.contains("○ not deployed from here"))
        }
    }

    @Test func thePageHasEverythingWithoutAScript() async throws {
        try await withBusyServer { server, _ in
            let page = try await server.get("/status", fields: Self.here)
            #expect(page.status == 200)
            let text = page.text
            for part in ["back", "asleep", "team", "What would go next", "nobody", "Deployments"] {
                #expect(text.contains(part), "\(part)")
            }
            #expect(AccessibleDocument(html: text).complaints.isEmpty)
            let landing = try await server.get("/").text
            #expect(AccessibleDocument(html: landing).complaints.isEmpty)
            #expect(landing.contains("nixConfig = {") && landing.contains("nix.settings = {"))
        }
    }

    @Test func nothingRunsButWhatFirnSent() async throws {
        try await withBusyServer { server, _ in
            for (target, hasScript) in [("/", false), ("/status", true)] {
                let answer = try await server.get(target, fields: Self.here)
                let policy = try #require(answer["Content-Security-Policy"])
                #expect(policy.contains("default-src 'none'"))
                #expect(!policy.contains("unsafe") && !policy.contains("*"))
                #expect(policy.contains("script-src 'sha256-") == hasScript)
                #expect(answer["X-Content-Type-Options"] == "nosniff")
            }
        }
    }

    @Test(arguments: [(nil, 404), ("local", 404), ("all", 200)])
    func theSettingDecidesWhoReadsIt(_ setting: String?, _ status: Int) async throws {
        try await withNixStore { store in
            try await store.initialise()
            var setup = ServerSetup(storeRoot: store.root)
            setup.serverLines = setting.map { ["status-page = \"\($0)\""] } ?? []
            setup.lastLines = ["[[cache]]", "name = \"secret\"", "[hosts.secret]"]
            try await withServer(setup) { server in
                let own = try await server.get("/status", fields: Self.here)
                #expect(own.status == 200 && own.text.contains("secret"))
                for fields in [[("X-Forwarded-For", "192.0.2.1")], [("Host", "cache.example")]] {
                    let other = try await server.get("/status", fields: fields)
                    #expect(other.status == status, "\(fields)")
                    // Private caches are nobody else's business.
                    #expect(!other.text.contains("secret"))
                    #expect(try await server.get("/", fields: fields).status == 200)
                    guard status == 404 else { continue }
                    #expect(try await server.get("/status/events", fields: fields).status == 404)
                }
            }
        }
    }

    @Test func whatChangesComesByItself() async throws {
        try await withBusyServer { server, _ in
            let events = HTTPRequest("/status/events", fields: Self.here)
            let before = try await Self.nobodyCount(server.get("/status", fields: Self.here).text)
            let text = try await server.onConnection { connection in
                try connection.socket.write(events.bytes)
                var text = ""
                let end = ContinuousClock.now + .seconds(60)
                while ContinuousClock.now < end {
                    let bytes = try connection.socket.read()
                    guard !bytes.isEmpty else { break }
                    text += String(decoding: bytes, as: UTF8.self)
                    guard Self.nobodyCount(text) <= before else { break }
                    // Another path that nobody has.
                    let other = HTTPConnection(try StreamSocket.connect(port: server.port))
                    let hash = String(repeating: "1", count: 32)
                    _ = try other.ask(HTTPRequest("/\(hash).narinfo"))
                }
                return text
            }
            #expect(
                text.contains("content-type: text/event-stream")
                    || text.contains("text/event-stream")
            )
            #expect(Self.nobodyCount(text) > before, "\(text.suffix(2_000))")
        }
    }

    /// A browser that looks on keeps nobody from stopping the daemon.
    @Test func aStopDoesNotWaitForThoseWhoWatch() async throws {
        try await withNixStore { store in
            try await store.initialise()
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                let request = HTTPRequest("/status/events", fields: Self.here)
                let socket = try await onOwnThread {
                    let socket = try StreamSocket.connect(port: server.port)
                    try socket.write(request.bytes)
                    _ = try socket.read()
                    return socket
                }
                let start = ContinuousClock.now
                try await server.stop()
                // The drain limit is 30 seconds.
                #expect(ContinuousClock.now - start < .seconds(25))
                socket.close()
            }
        }
    }

    @Test func aBrowserRunsTheScriptAndGetsAnEvent() async throws {
        try await withBusyServer { server, _ in
            try await withTemporaryDirectory { directory in
                let url = "http://127.0.0.1:\(server.port)/status"
                let browser = Browser(directory: directory)
                var document = ""
                // The document is told when it has loaded, and the event may come a moment later.
                try await wait(for: "an event in the document", within: .seconds(120)) {
                    document = try await browser.document(url)
                    return document.contains(">Live: it changes by itself.</p>")
                }
                #expect(AccessibleDocument(html: document).complaints.isEmpty)
            }
        }
    }

    @Test(arguments: ["/status", "/"])
    func aBrowserShowsItOnEveryScreenAndInTheDark(_ target: String) async throws {
        try await withBusyServer { server, _ in
            try await withTemporaryDirectory { directory in
                let browser = Browser(directory: directory)
                var pictures: [Data] = []
                for (width, height) in [(390, 2_200), (1_280, 1_600)] {
                    for scheme in Browser.Scheme.allCases {
                        let picture = try await browser.picture(
                            "http://127.0.0.1:\(server.port)\(target)",
                            width: width,
                            height: height,
                            scheme
                        )
                        pictures.append(picture)
                        try Self.keep(picture, "\(target.count)-\(width)-\(scheme)")
                    }
                }
                // Light and dark differ, and none is empty.
                #expect(Set(pictures).count == 4)
                for picture in pictures { #expect(picture.count > 10_000) }
            }
        }
    }

    @Test func wordsStandOutOnEveryGround() async throws {
        try await withNixStore { store in
            try await store.initialise()
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                let style = try await server.get("/").text
                let colours = style.matches(of: /--(up|down|rest): (#[0-9a-f]{6})/)
                #expect(colours.count == 6)
                // Chromium's Canvas in either scheme; those of dark come second.
                for (place, colour) in colours.enumerated() {
                    let ground = place < 3 ? "#ffffff" : "#121212"
                    let ratio = try #require(Contrast.ratio(String(colour.2), ground))
                    #expect(ratio >= 4.5, "\(colour.1) on \(ground): \(ratio)")
                }
            }
        }
    }

    /// Where somebody wants to look at them.
    private static func keep(_ picture: Data, _ name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["FIRN_TEST_PICTURES"] else { return }
        try picture.write(to: URL(filePath: "\(folder)/\(name).png"))
    }

    /// How many lookups nobody had an answer to, by the last page in the text.
    private static func nobodyCount(_ text: String) -> Int {
        text.matches(of: /nobody<\/th><td>(\d+)</).last.flatMap { Int($0.1) } ?? 0
    }
}
