// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension TierTests {
    /// A first tier that does something wrong, and a second that has the path.
    @Suite struct HostileTierTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test(arguments: Hostility.all)
        func aBuildSucceedsFromTheNextTier(_ hostility: Hostility) async throws {
            try await hostility.run(before: cache) { url in
                let hostile = cache.tier(named: "hostile", at: url)
                try await withAgent(hostile, cache.tier) { agent in
                    let clock = ContinuousClock()
                    var status = 0
                    let top = cache.top
                    let first = try await clock.measure {
                        status = try await agent.narInfoStatus(of: top)
                    }
                    #expect(status == 200)
                    // Two seconds are promised; the others are for a busy machine.
                    #expect(first < .seconds(10))
                    try await realise(top, from: agent)
                    let forbidden = try await agent.forbiddenAnswers
                    #expect(forbidden == [])
                }
            }
        }

        private func realise(_ path: String, from agent: FirnServer) async throws {
            try await withClient(.installed) { home in
                home.use(agent: agent, trusting: cache.key.publicKey)
                try await home.run("nix-store", ["--realise", path]).requireSuccess()
                #expect(home.holds(path))
                try await home.run("nix-store", ["--verify", "--check-contents"]).requireSuccess()
            }
        }
    }
}
