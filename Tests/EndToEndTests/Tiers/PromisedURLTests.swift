// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

extension TierTests {
    /// URLs of a tier's files, after the tier has lost them.
    @Suite struct PromisedURLTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        enum Loss: CaseIterable {
            case tierIsGone, filesAreGone
        }

        @Test(arguments: NixClient.usable, Loss.allCases)
        func aClientThatRemembersThemGetsItsPaths(_ client: NixClient, _ loss: Loss) async throws {
            try await withTemporaryDirectory { directory in
                let depot = directory.path("depot")
                // Nix remembers by URL, so the agent comes back on the same port.
                let port = try ListeningSocket().port
                try await withClient(client) { home in
                    home.use(cache: "", trusting: cache.key.publicKey)
                    try await withNode(cache.tier, depot: depot) { builder in
                        try await withNode(tier(of: builder), port: port) { agent in
                            try await remember(agent, in: home)
                            for path in cache.paths {
                                let target = try await agent.narTarget(of: path)
                                #expect(target.hasSuffix(".nar.xz"))
                                #expect(try await agent.get(target).isComplete)
                            }
                            try await wait(for: "all paths in the depot") {
                                try await builder.status().depot?.objects == cache.paths.count
                            }
                        }
                    }
                    let hostility = loss == .tierIsGone ? Hostility.refused : .narMissing
                    try await hostility.run(before: cache) { url in
                        try await withNode(cache.tier(at: url), depot: depot) { builder in
                            try await withNode(tier(of: builder), port: port) { agent in
                                try await copy(from: agent, to: home)
                            }
                        }
                    }
                }
            }
        }

        @Test func whatIsSentIsTheSameNARAndNotTheSameFile() async throws {
            try await withTemporaryDirectory { directory in
                let depot = directory.path("depot")
                let path = try cache.path("large")
                var target = ""
                try await withNode(cache.tier, depot: depot) { server in
                    target = try await server.narTarget(of: path)
                    #expect(try await server.get(target).isComplete)
                    try await wait(for: "path in the depot") {
                        try await server.status().depot?.objects == 1
                    }
                }
                try await Hostility.refused.run(before: cache) { url in
                    try await withNode(cache.tier(at: url), depot: depot) { server in
                        let answer = try await server.get(target)
                        #expect(answer.status == 200 && answer.isComplete)
                        #expect(answer["ETag"] == nil && answer["Accept-Ranges"] == nil)
                        let packed = directory.path("large.nar.xz")
                        try Data(answer.body).write(to: URL(filePath: packed))
                        let unpacked = try await Command("xz", ["-d", "-c", packed])
                            .run(deadline: .seconds(30)).requireSuccess()
                        let nar = try await cache.store.nar(of: path)
                        #expect(Bytes([UInt8](unpacked.output)) == Bytes(nar))
                        // Another Firn would look at the file's hash.
                        let via = [(name: "X-Firn-Via", value: "agent")]
                        #expect(try await server.get(target, fields: via).status == 404)
                    }
                }
            }
        }

        private func tier(of builder: FirnServer) -> TierSetup {
            cache.tier(named: "builder", at: builder.url)
        }

        private func remember(_ agent: FirnServer, in home: NixClientHome) async throws {
            let arguments = ["path-info", "--recursive", "--store", agent.url, cache.top]
            try await home.runAnywhere("nix", arguments).requireSuccess()
        }

        private func copy(from agent: FirnServer, to home: NixClientHome) async throws {
            try await home.run("nix", ["copy", "--from", agent.url, cache.top]).requireSuccess()
            let query = ["--query", "--requisites", cache.top]
            let held = try await home.run("nix-store", query).requireSuccess()
            #expect(Set(held.lines) == Set(cache.paths))
            try await home.run("nix-store", ["--verify", "--check-contents"]).requireSuccess()
            // It went by what it remembered.
            let asked = try await agent.get("/metrics").text.split(separator: "\n").filter {
                $0.hasPrefix("firn_http_requests_total{endpoint=\"narinfo\"") && !$0.hasSuffix(" 0")
            }
            #expect(asked == [])
        }

        /// A Firn with one tier and nothing of its own.
        private func withNode(
            _ tier: TierSetup,
            depot: String = "none",
            port: UInt16 = 0,
            _ body: (FirnServer) async throws -> Void
        ) async throws {
            try await withNixStore { store in
                try await store.initialise()
                var setup = ServerSetup(storeRoot: store.root)
                setup.listen = ["127.0.0.1:\(port)"]
                setup.compression = "zstd"
                setup.depotLocation = depot
                setup.tiers = [tier]
                try await withServer(setup, body)
            }
        }
    }
}
