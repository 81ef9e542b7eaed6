// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension TierTests {
    /// Firns that ask each other, or themselves.
    @Suite struct LoopTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func twoThatAskEachOtherAnswerAMissQuickly() async throws {
            let (one, other) = (try ListeningSocket().port, try ListeningSocket().port)
            try await withFirn(on: one, asking: "http://127.0.0.1:\(other)") { first in
                try await withFirn(on: other, asking: "http://127.0.0.1:\(one)") { second in
                    for server in [first, second] {
                        let began = ContinuousClock.now
                        let status = try await server.narInfoStatus(of: .unknownPath())
                        #expect(status == 404)
                        let took = began.duration(to: .now)
                        #expect(took < .seconds(10))
                    }
                }
            }
        }

        @Test func oneThatIsItsOwnTierSaysSo() async throws {
            let port = try ListeningSocket().port
            try await withGate(to: port) { gate in
                try await withFirn(on: port, asking: gate.url) { server in
                    #expect(try await server.narInfoStatus(of: .unknownPath()) == 404)
                    try await wait(for: "loop in the status") {
                        let failure = try await server.status().tiers.first?.lastFailure
                        return failure?.hasPrefix("it is this very Firn") == true
                    }
                    let tier = try await server.explanation(of: .unknownPath())["other"]
                    #expect(tier?.live.reason?.hasPrefix("it is this very Firn") == true)
                    let text = try await server.firn(["status"]).requireSuccess().text
                    #expect(text.contains("it is this very Firn"))
                    // Once, however often it is asked.
                    for _ in 0..<3 { _ = try await server.narInfoStatus(of: .unknownPath()) }
                    let lines = server.log.split(separator: "\n")
                        .filter { $0.contains("tier is this very Firn; remove it from firn.toml") }
                    #expect(lines.count == 1)
                    #expect(lines.allSatisfy { $0.contains(" warning ") })
                }
            }
        }

        @Test func twoThatHaveEachOtherAreWellAndSaySo() async throws {
            let (one, other) = (try ListeningSocket().port, try ListeningSocket().port)
            try await withFirn(on: one, asking: "http://127.0.0.1:\(other)") { first in
                let tiers = [cache.tier(named: "one", at: "http://127.0.0.1:\(one)"), cache.tier]
                try await withFirn(on: other, after: tiers) { second in
                    for server in [first, second] {
                        try await wait(for: "tiers to be up") {
                            try await server.status().tiers.allSatisfy { $0.state == "up" }
                        }
                    }
                    // All at once and at both: neither may wait for what the other waits for.
                    let unknown = (0..<20).map { _ in String.unknownPath() }
                    let began = ContinuousClock.now
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for path in unknown {
                            for server in [first, second] {
                                group.addTask {
                                    let status = try await server.narInfoStatus(of: path)
                                    #expect(status == 404)
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                    #expect(began.duration(to: .now) < .seconds(15))
                    // What one has, the other gives, and nobody counts as ill.
                    #expect(try await first.narInfoStatus(of: cache.top) == 200)
                    for server in [first, second] {
                        let tier = try #require(try await server.status().tiers.first)
                        #expect(tier.asksBack)
                        #expect(tier.state == "up")
                        #expect(tier.failures == 0, "\(tier.lastFailure ?? "")")
                        let text = try await server.firn(["status"]).requireSuccess().text
                        #expect(text.contains("asks us back: it has this Firn as a tier"))
                        let explained = try await server.explanation(of: .unknownPath())
                        #expect(
                            explained.tiers.contains { $0.note?.contains("asks us back") == true }
                        )
                        let lines = server.log.split(separator: "\n")
                            .filter { $0.contains("tier asks us back") }
                        #expect(lines.count == 1)
                    }
                }
            }
        }

        private func withFirn(
            on port: UInt16,
            asking url: String,
            _ body: (FirnServer) async throws -> Void
        ) async throws {
            try await withFirn(on: port, after: [cache.tier(named: "other", at: url)], body)
        }

        private func withFirn(
            on port: UInt16,
            after tiers: [TierSetup],
            _ body: (FirnServer) async throws -> Void
        ) async throws {
            try await withNixStore { store in
                try await store.initialise()
                var setup = ServerSetup(storeRoot: store.root)
                setup.listen = ["127.0.0.1:\(port)"]
                setup.tiers = tiers
                try await withServer(setup, body)
            }
        }
    }
}
