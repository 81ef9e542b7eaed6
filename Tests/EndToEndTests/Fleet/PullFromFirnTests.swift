// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Foundation
import NixFormat
import Testing

extension ServedClosureTests {
    /// A pull from a real Firn on the builder, by every Nix that a host may have.
    @Suite struct PullFromFirnTests {
        @Test(arguments: NixClient.all.filter(\.isUsable))
        func everyNixTellsWhatCameFromTheBuilder(_ client: NixClient) async throws {
            let served = try ServedClosureTests.served()
            try await withTemporaryDirectory { directory in
                let host = try ClientHost(client, in: directory)
                let key = served.key.publicKey
                let tiers = [
                    try PullTier(
                        name: "asleep",
                        addresses: ["http://127.0.0.1:1"],
                        publicKeys: []
                    ),
                    try PullTier(
                        name: "p620",
                        addresses: ["http://127.0.0.1:1", served.compressed.url],
                        publicKeys: [key]
                    ),
                ]
                let top = try StorePath(parsing: served.top.storeBaseName)
                let request = PullRequest(top, from: tiers, deadline: .seconds(170))
                let report = try await Pull(on: host).run(request)
                let share = report.tiers[1]
                #expect(share.paths == served.paths.count)
                #expect(share.address == served.compressed.url)
                // Twelve megabytes of it do not compress, and as many do.
                #expect(share.wireBytes > 12_000_000)
                #expect(share.narBytes > share.wireBytes + 10_000_000)
                #expect(report.tiers[0].misses == ["unreachable": served.paths.count])
                #expect(report.misses == [])
                #expect(report.unfetchedPaths == 0)
                // All that passed through the deployer, whatever the size of the closure.
                #expect(host.carriedBytes < 32_768, "\(host.carriedBytes) bytes")
                let words = ["nix-store", "--check-validity"] + served.paths
                let check = RemoteRequest(words, deadline: .seconds(60))
                #expect(try await host.run(check).exitCode == 0)
            }
        }

        /// The Firn of a laptop, with the builder as its tier.
        @Test func theFirnOnTheHostIsAskedFirstAndTellsWhereItHadItFrom() async throws {
            let served = try ServedClosureTests.served()
            try await withTemporaryDirectory { directory in
                let host = try ClientHost(.installed, in: directory)
                try FileManager.default.createSymbolicLink(
                    atPath: directory.path("host-bin/firn"),
                    withDestinationPath: FirnServer.programme
                )
                try await withNixStore { empty in
                    try await empty.initialise()
                    var setup = ServerSetup(storeRoot: empty.root)
                    let builder = TierSetup(
                        "p620",
                        at: served.compressed.url,
                        trusting: [served.key.publicKey]
                    )
                    setup.tiers = [builder]
                    try await withServer(setup) { agent in
                        let tier = try PullTier(
                            name: "p620",
                            addresses: [served.compressed.url],
                            publicKeys: [served.key.publicKey]
                        )
                        let top = try StorePath(parsing: served.top.storeBaseName)
                        let request = PullRequest(
                            top,
                            from: [tier],
                            agentAddress: agent.url,
                            deadline: .seconds(170)
                        )
                        let report = try await Pull(on: host).run(request)
                        #expect(report.tiers.map(\.name) == ["agent", "p620"])
                        #expect(report.tiers[0].paths == served.paths.count)
                        #expect(report.tiers[1].paths == 0)
                        let behind = try #require(report.behindAgent?.first)
                        #expect(behind.name == "p620" && behind.paths >= served.paths.count)
                        #expect(behind.wireBytes > 12_000_000)
                    }
                }
            }
        }
    }
}
