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
                        #expect(took < .seconds(3))
                    }
                }
            }
        }

        @Test func oneThatIsItsOwnTierSaysSo() async throws {
            let port = try ListeningSocket().port
            try await withGate(to: port) { gate in
                try await withFirn(on: port, asking: gate.url) { server in
                    #expect(try await server.narInfoStatus(of: .unknownPath()) == 404)
                    try await wait(for: "loop in the status", within: .seconds(10)) {
                        let failure = try await server.status().tiers.first?.lastFailure
                        return failure == "asks this Firn in turn"
                    }
                }
            }
        }

        private func withFirn(
            on port: UInt16,
            asking url: String,
            _ body: (FirnServer) async throws -> Void
        ) async throws {
            try await withNixStore { store in
                try await store.initialise()
                var setup = ServerSetup(storeRoot: store.root)
                setup.listen = ["127.0.0.1:\(port)"]
                setup.tiers = [cache.tier(named: "other", at: url)]
                try await withServer(setup, body)
            }
        }
    }
}
