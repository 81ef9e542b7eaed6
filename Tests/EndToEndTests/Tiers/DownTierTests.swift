// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension TierTests {
    /// Tiers that are known to be down, and tiers that come back.
    @Suite struct DownTierTests {
        private let cache: PublicCache
        private let clock = ContinuousClock()

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func manyUnknownPathsAreAnsweredAtOnceWhileTiersAreDown() async throws {
            try await withAgentOfDeadTiers { agent in
                let took = try await clock.measure {
                    try await withThrowingTaskGroup { group in
                        for _ in 0..<25 {
                            group.addTask {
                                try await agent.onConnection { connection in
                                    for _ in 0..<40 { try Self.askForUnknown(on: connection) }
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                }
                // Two seconds are promised; the others are for a busy machine.
                #expect(took < .seconds(4))
                let each = try await agent.onConnection { [clock] connection in
                    try (0..<30).map { _ in
                        try clock.measure { try Self.askForUnknown(on: connection) }
                    }
                }
                #expect(each.sorted()[15] < .milliseconds(300))
            }
        }

        @Test(arguments: NixClient.usable)
        func aDryRunOfUnknownPathsIsNotHeldUp(_ client: NixClient) async throws {
            let paths = (0..<300).map { _ in String.unknownPath() }
            try await withAgentOfDeadTiers { agent in
                try await withClient(client) { home in
                    home.use(agent: agent, trusting: cache.key.publicKey)
                    let took = try await clock.measure {
                        _ = try await home.run("nix-store", ["--realise", "--dry-run"] + paths)
                    }
                    #expect(took < .seconds(6))
                    #expect(try await agent.forbiddenAnswers == [])
                }
            }
        }

        @Test func aTierThatComesBackIsUsedAgain() async throws {
            try await withGate(to: cache.port) { gate in
                gate.close()
                try await withAgent(cache.tier(at: gate.url)) { agent in
                    try await agent.waitUntilTiersAreDown()
                    #expect(try await agent.narInfoStatus(of: cache.top) == 404)
                    try gate.open()
                    // Two seconds are promised; the others are for a busy machine.
                    try await wait(for: "path of the tier", within: .seconds(5)) {
                        try await agent.narInfoStatus(of: cache.top) == 200
                    }
                }
            }
        }

        private func withAgentOfDeadTiers(_ body: (FirnServer) async throws -> Void) async throws {
            try await Hostility.silent.run(before: cache) { silent in
                try await Hostility.refused.run(before: cache) { refused in
                    let tiers = (
                        cache.tier(named: "silent", at: silent),
                        cache.tier(named: "refused", at: refused)
                    )
                    try await withAgent(tiers.0, tiers.1) { agent in
                        try await agent.waitUntilTiersAreDown()
                        try await body(agent)
                    }
                }
            }
        }

        private static func askForUnknown(on connection: HTTPConnection) throws {
            let target = "/\(String.unknownPath().storeHash).narinfo"
            let answer = try connection.ask(HTTPRequest(target))
            #expect(answer.status == 404)
        }
    }
}
