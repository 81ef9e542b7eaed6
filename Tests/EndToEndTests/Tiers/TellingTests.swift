// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

extension TierTests {
    /// What `firn status` and `firn explain` say of real daemons and real tiers.
    @Suite struct TellingTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func theStatusNamesTiersTheirStateAndTheDepot() async throws {
            try await Hostility.refused.run(before: cache) { url in
                let dead = cache.tier(named: "dead", at: url)
                try await withKeepingServer(dead, cache.tier, size: "50MB") { server in
                    #expect(try await server.narInfoStatus(of: cache.top) == 200)
                    try await wait(for: "state of both tiers") {
                        try await server.status().tiers.map(\.state) == ["down", "up"]
                    }
                    let status = try await server.status()
                    #expect(status.tiers.map(\.name) == ["dead", "public"])
                    #expect(status.tiers[0].lastFailure != nil)
                    #expect(status.tiers.allSatisfy { !$0.isFirn })
                    #expect(status.depot?.maximumBytes == 50_000_000)
                    let text = try await server.firn(["status"]).requireSuccess().text
                    #expect(text.contains("dead") && text.contains("public"))
                }
            }
        }

        @Test func anExplanationSaysWhichTierHasAPathAndWhyOthersDoNot() async throws {
            try await Hostility.wrongSignature.run(before: cache) { forger in
                try await Hostility.status(404).run(before: cache) { empty in
                    let forging = cache.tier(named: "forging", at: forger)
                    let empty = cache.tier(named: "empty", at: empty)
                    try await withAgent(forging, empty, cache.tier) { agent in
                        let known = try await outcomes(of: cache.top, at: agent)
                        #expect(known["forging"] == "failed")
                        #expect(known["empty"] == "absent")
                        #expect(known["public"] == "found")
                        let text = try await agent.firn(["explain", cache.top]).requireSuccess()
                        #expect(text.text.contains("public"))
                        let unknown = try await outcomes(of: .unknownPath(), at: agent)
                        #expect(unknown["public"] == "absent")
                    }
                }
            }
        }

        private func outcomes(
            of path: String,
            at agent: FirnServer
        ) async throws -> [String: String] {
            struct Report: Decodable {
                struct Tier: Decodable {
                    struct Live: Decodable { let outcome: String }

                    let name: String
                    let live: Live
                }

                let tiers: [Tier]
            }
            let outcome = try await agent.firn(["explain", "--json", path])
            let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output))
            return Dictionary(uniqueKeysWithValues: report.tiers.map { ($0.name, $0.live.outcome) })
        }
    }
}
