// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension DeltaTests {
    /// A laptop updates from a builder.
    @Suite struct DeltaUpdateTests {
        private let corpus: DeltaCorpus

        init() throws {
            corpus = try DeltaCorpus.prepared()
        }

        @Test(arguments: NixClient.usable)
        func aRebuildAndAnUpgradeComeAsDeltas(_ client: NixClient) async throws {
            try await corpus.withBuilder { builder in
                try await corpus.withLaptop(corpus.tier(at: builder.url), by: client) { laptop in
                    try await laptop.update(to: corpus.rebuilt)
                    let rebuilt = try await laptop.deltas()
                    #expect(rebuilt.used == DeltaCorpus.pathCount)
                    #expect(rebuilt.failures == 0)
                    #expect(rebuilt.bytes < 20_000, "of \(rebuilt.ordinaryBytes)")
                    #expect(rebuilt.ordinaryBytes > 5_000_000)
                    try await laptop.update(to: corpus.upgraded)
                    let upgraded = try await laptop.deltas()
                    #expect(upgraded.used == 2 * DeltaCorpus.pathCount)
                    #expect(upgraded.bytes < 100_000)
                    let received = try await laptop.agent.metric("firn_tier_nar_bytes_total")
                    #expect(received < 120_000)
                }
            }
        }

        /// The order is sent as soon as the first NAR is wanted, so that few have to be asked for.
        @Test func theDeltasOfAClosureAreAskedForTogether() async throws {
            try await corpus.withBuilder { builder in
                try await withGate(to: builder.port) { gate in
                    try await corpus.withLaptop(corpus.tier(at: gate.url)) { laptop in
                        try await laptop.update(to: corpus.rebuilt)
                        #expect(try await laptop.deltas().used == DeltaCorpus.pathCount)
                        #expect(gate.narCount < DeltaCorpus.pathCount / 2, "\(gate.targets)")
                    }
                }
            }
        }

        @Test func aLookUpAloneMovesNothing() async throws {
            try await corpus.withBuilder { builder in
                try await withGate(to: builder.port) { gate in
                    try await corpus.withLaptop(corpus.tier(at: gate.url)) { laptop in
                        let arguments = ["path-info", "--recursive", corpus.rebuilt]
                        let store = ["--store", laptop.agent.url]
                        let asked = try await laptop.home.runAnywhere("nix", arguments + store)
                        #expect(try asked.requireSuccess().lines.count == DeltaCorpus.pathCount)
                        #expect(gate.narCount == 0)
                        let received = try await laptop.agent.metric("firn_tier_nar_bytes_total")
                        #expect(received == 0)
                    }
                }
            }
        }

        @Test func whatTheFirstLaptopHadMadeServesTheSecond() async throws {
            try await corpus.withBuilder { builder in
                for expected in [0, 1] {
                    try await corpus.withLaptop(corpus.tier(at: builder.url)) { laptop in
                        try await laptop.update(to: corpus.upgraded)
                        #expect(try await laptop.deltas().used == DeltaCorpus.pathCount)
                    }
                    let reused = try await builder.metric("firn_deltas_reused_total")
                    #expect((reused > 0) == (expected > 0))
                    try await wait(for: "large deltas to be kept") {
                        try await builder.metric("firn_deltas_kept_bytes") > 4096
                    }
                }
            }
        }

        /// One small NAR measures the link; the rest is quicker as deltas.
        @Test func autoUsesThemOverASlowLink() async throws {
            try await withTemporaryDirectory { directory in
                try await corpus.withBuilder { builder in
                    let lines = """
                        location / {
                            limit_rate 100k;
                            proxy_pass http://127.0.0.1:\(builder.port);
                        }
                        """
                    try await withNginx(server: lines, in: directory) { port in
                        let url = "http://127.0.0.1:\(port)"
                        let tier = corpus.tier(at: url, delta: "auto")
                        try await corpus.withLaptop(tier) { laptop in
                            try await laptop.update(to: corpus.rebuilt)
                            let used = try await laptop.deltas().used
                            #expect(used >= DeltaCorpus.pathCount / 2)
                            let received = try await laptop.agent.metric(
                                "firn_tier_nar_bytes_total"
                            )
                            #expect(received < 2_000_000)
                        }
                    }
                }
            }
        }

        @Test func neverMeansNever() async throws {
            try await corpus.withBuilder { builder in
                let tier = corpus.tier(at: builder.url, delta: "never")
                try await corpus.withLaptop(tier) { laptop in
                    try await laptop.update(to: corpus.rebuilt)
                    #expect(try await laptop.agent.status().tiers.first?.deltas == nil)
                    #expect(try await builder.metric("firn_deltas_sent_total") == 0)
                    let explained = try await laptop.agent.explanation(of: corpus.rebuilt)
                    #expect(explained.delta?.reason?.contains("switched off") == true)
                }
            }
        }

        @Test func explainAndStatusTellOfThem() async throws {
            try await corpus.withBuilder { builder in
                try await corpus.withLaptop(corpus.tier(at: builder.url)) { laptop in
                    let before = try await laptop.agent.explanation(of: corpus.rebuilt)
                    #expect(before.delta?.reason?.contains(corpus.old.storeBaseName) == true)
                    try await laptop.update(to: corpus.rebuilt)
                    let after = try await laptop.agent.explanation(of: corpus.rebuilt)
                    #expect(after.delta?.base == corpus.old.storeBaseName)
                    #expect((after.delta?.bytes ?? .max) < (after.delta?.ordinaryBytes ?? 0))
                    let text = try await laptop.agent.firn(["status"]).requireSuccess().text
                    #expect(text.contains("deltas: \(DeltaCorpus.pathCount) NARs"))
                    let explained = try await laptop.agent.firn(["explain", corpus.rebuilt])
                    #expect(try explained.requireSuccess().text.contains("came as a delta of"))
                }
            }
        }

        /// What is asked through another address goes on as before.
        @Test func anotherAddressOfTheBuilderServesThemAsWell() async throws {
            try await corpus.withBuilder { builder in
                try await withGate(to: builder.port) { first in
                    try await withGate(to: builder.port) { second in
                        let tier = corpus.tier(at: first.url, second.url)
                        try await corpus.withLaptop(tier) { laptop in
                            try await laptop.update(to: corpus.rebuilt)
                            first.close()
                            second.close()
                            try await laptop.agent.waitUntilTiersAreDown()
                            try second.open()
                            try await wait(for: "the other address") {
                                try await laptop.agent.status().tiers.first?.state == "up"
                            }
                            try await laptop.update(to: corpus.upgraded)
                            let used = try await laptop.deltas().used
                            #expect(used == 2 * DeltaCorpus.pathCount)
                        }
                    }
                }
            }
        }
    }
}
