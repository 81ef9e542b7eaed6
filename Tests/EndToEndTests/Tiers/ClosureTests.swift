// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension TierTests {
    /// Whole closures in one answer, wherever their parts are.
    @Suite struct ClosureTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func aClosureOfAPublicCacheComesThroughABuilderInAFewRoundTrips() async throws {
            try await withKeepingServer(cache.tier) { builder in
                try await withGate(to: builder.port) { gate in
                    try await withAgent(cache.tier(named: "builder", at: gate.url)) { agent in
                        try await wait(for: "builder to be known as a Firn") {
                            try await agent.status().tiers.first?.isFirn == true
                        }
                        // As Nix does: a path, and then what it refers to.
                        var waiting = [cache.top]
                        var known: Set<String> = []
                        while let path = waiting.popLast() {
                            guard known.insert(path).inserted else { continue }
                            let narInfo = try await agent.narInfo(of: path)
                            let references = narInfo["References"]?.split(separator: " ") ?? []
                            waiting += references.map { "/nix/store/\($0)" }
                        }
                        #expect(known == Set(cache.paths))
                        let asked = gate.targets
                        let closures = asked.filter { $0.hasSuffix(".closure") }
                        #expect(closures == ["/\(cache.top.storeHash).closure"])
                        // The path itself, before anybody knew that there is a closure to ask for.
                        #expect(asked.count { $0.hasSuffix(".narinfo") } == 1, "\(asked)")
                        #expect(gate.narCount == 0)
                    }
                }
            }
        }

        @Test func whatIsInTheDepotIsPartOfAClosureAndTheRestIsLeftOut() async throws {
            try await withTemporaryDirectory { directory in
                let depot = directory.path("depot")
                let kept = [cache.top, try cache.path("large"), try cache.path("odd")]
                try await withKeepingServer(cache.tier, depot: depot) { builder in
                    let whole = try await closure(of: cache.top, from: builder)
                    #expect(Set(whole.paths) == Set(cache.paths))
                    #expect(whole.paths.last == cache.top)
                    #expect(whole.tier == "public")
                    for path in kept {
                        let target = try await builder.narTarget(of: path)
                        #expect(try await builder.get(target).isComplete)
                    }
                    try await wait(for: "paths in the depot") {
                        try await builder.status().depot?.objects == kept.count
                    }
                }
                // Another process, which remembers nothing, and nobody behind it who answers.
                try await Hostility.silent.run(before: cache) { silent in
                    let tier = cache.tier(named: "silent", at: silent)
                    try await withKeepingServer(tier, depot: depot) { builder in
                        let began = ContinuousClock.now
                        let part = try await closure(of: cache.top, from: builder)
                        // One second is promised; the others are for a busy machine.
                        #expect(began.duration(to: .now) < .seconds(10))
                        #expect(Set(part.paths) == Set(kept))
                        #expect(part.paths.last == cache.top)
                        #expect(part.tier == "depot")
                        let unknown = String.unknownPath().storeHash
                        #expect(try await builder.get("/\(unknown).closure").status == 404)
                        // An agent that gets the part finds the rest elsewhere.
                        let first = cache.tier(named: "builder", at: builder.url)
                        try await withAgent(first, cache.tier) { agent in
                            for path in [cache.top] + cache.paths {
                                let status = try await agent.narInfoStatus(of: path)
                                #expect(status == 200, "\(path)")
                            }
                        }
                    }
                }
            }
        }

        @Test func aClosureIsNotAskedForInACircle() async throws {
            let (one, other) = (try ListeningSocket().port, try ListeningSocket().port)
            try await withFirn(on: one, before: other) { first in
                try await withFirn(on: other, before: one) { second in
                    for server in [first, second] {
                        try await wait(for: "both to know each other") {
                            try await server.status().tiers.first?.state == "up"
                        }
                    }
                    let began = ContinuousClock.now
                    for server in [first, second] {
                        let hash = String.unknownPath().storeHash
                        #expect(try await server.get("/\(hash).closure").status == 404)
                    }
                    #expect(began.duration(to: .now) < .seconds(10))
                }
            }
        }

        private func withFirn(
            on port: UInt16,
            before tier: UInt16,
            _ body: (FirnServer) async throws -> Void
        ) async throws {
            try await withNixStore { store in
                try await store.initialise()
                var setup = ServerSetup(storeRoot: store.root)
                setup.listen = ["127.0.0.1:\(port)"]
                setup.tiers = [cache.tier(named: "other", at: "http://127.0.0.1:\(tier)")]
                try await withServer(setup, body)
            }
        }

        /// The paths of a closure in their order, and who has the first.
        private func closure(
            of path: String,
            from server: FirnServer
        ) async throws -> (paths: [String], tier: String?) {
            let answer = try await server.get("/\(path.storeHash).closure")
            #expect(answer.status == 200)
            #expect(answer["Content-Type"] == "text/x-nix-narinfo-closure")
            #expect(answer.text.hasSuffix("\n"))
            let texts = answer.text.split(separator: "\n\n")
            let paths = texts.flatMap { text in
                text.split(separator: "\n").filter { $0.hasPrefix("StorePath: ") }
                    .map { String($0.dropFirst(11)) }
            }
            #expect(paths.count == texts.count)
            return (paths, answer["X-Firn-Tier"])
        }
    }
}
