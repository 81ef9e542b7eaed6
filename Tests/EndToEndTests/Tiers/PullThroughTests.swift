// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension TierTests {
    /// A laptop's agent, a builder that keeps what it fetches, and a public cache behind it.
    @Suite struct PullThroughTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test(arguments: NixClient.usable)
        func aClosureComesThroughAgentAndBuilderAndIsKept(_ client: NixClient) async throws {
            try await withTemporaryDirectory { directory in
                let depot = directory.path("depot")
                try await withGate(to: cache.port) { gate in
                    let tier = cache.tier(at: gate.url)
                    try await withKeepingServer(tier, depot: depot) { builder in
                        let builderTier = cache.tier(named: "builder", at: builder.url)
                        try await withAgent(builderTier) { agent in
                            try await realise(client, from: agent)
                        }
                        try await wait(for: "the whole closure in the depot") {
                            try await builder.status().depot?.objects == cache.paths.count
                        }
                        gate.close()
                        let narCount = gate.narCount
                        try await withAgent(builderTier) { agent in
                            #expect(try await agent.narTarget(of: cache.top).hasSuffix(".nar.zst"))
                            try await realise(client, from: agent)
                        }
                        #expect(gate.narCount == narCount)
                    }
                }
                try await copy(client, from: "file://\(depot)")
            }
        }

        @Test(arguments: ["bzip2", "none", "zstd"])
        func aCacheWithAnotherCompressionIsKeptAsWell(_ compression: String) async throws {
            try await withTemporaryDirectory { directory in
                let folder = try directory.makeDirectory("other-cache")
                let target = "file://\(folder)?secret-key=\(cache.key.secretPath)"
                let options = "&compression=\(compression)"
                try await cache.store.run("nix", ["copy", "--to", target + options, cache.top])
                try await withNginx(serving: folder, in: directory) { port in
                    let tier = cache.tier(at: "http://127.0.0.1:\(port)")
                    try await withKeepingServer(tier) { builder in
                        try await realise(.installed, from: builder)
                        try await wait(for: "the whole closure in the depot") {
                            try await builder.status().depot?.objects == cache.paths.count
                        }
                        #expect(try await builder.narTarget(of: cache.top).hasSuffix(".nar.zst"))
                        try await realise(.installed, from: builder)
                    }
                }
            }
        }

        private func realise(_ client: NixClient, from agent: FirnServer) async throws {
            try await withClient(client) { home in
                home.use(agent: agent, trusting: cache.key.publicKey)
                try await home.run("nix-store", ["--realise", cache.top]).requireSuccess()
                try await requireWholeClosure(in: home)
            }
        }

        private func copy(_ client: NixClient, from url: String) async throws {
            try await withClient(client) { home in
                home.use(cache: "", trusting: cache.key.publicKey)
                try await home.run("nix", ["copy", "--from", url, cache.top]).requireSuccess()
                try await requireWholeClosure(in: home)
            }
        }

        private func requireWholeClosure(in home: NixClientHome) async throws {
            let query = ["--query", "--requisites", cache.top]
            let held = try await home.run("nix-store", query).requireSuccess()
            #expect(Set(held.lines) == Set(cache.paths))
            try await home.run("nix-store", ["--verify", "--check-contents"]).requireSuccess()
        }
    }
}
