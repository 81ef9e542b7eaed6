// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension DeltaTests {
    /// Where else than in stores the two NARs may be: depots and named caches.
    @Suite struct DeltaPlacesTests {
        private let corpus: DeltaCorpus

        init() throws {
            corpus = try DeltaCorpus.prepared()
        }

        /// One whose own store has nothing: what it passed on before is what it makes NARs of.
        @Test func whatTheDepotKeepsIsABaseToo() async throws {
            try await corpus.withBuilder { builder in
                try await withNixStore { empty in
                    try await empty.initialise()
                    var setup = ServerSetup(storeRoot: empty.root)
                    setup.tiers = [corpus.tier(at: builder.url)]
                    setup.compression = "zstd"
                    try await withServer(setup) { office in
                        try await wait(for: "the builder to be known as a Firn") {
                            try await office.status().tiers.first?.isFirn == true
                        }
                        try await fetch(corpus.old, from: office)
                        try await wait(for: "what was passed on to be kept") {
                            let objects = try await office.status().depot?.objects ?? 0
                            return objects >= DeltaCorpus.pathCount
                        }
                        #expect(try await office.status().tiers.first?.deltas?.used == 0)
                        try await fetch(corpus.rebuilt, from: office)
                        let deltas = try #require(try await office.status().tiers.first?.deltas)
                        #expect(deltas.used == DeltaCorpus.pathCount)
                        #expect(deltas.failures == 0)
                        #expect(deltas.bytes < 20_000, "of \(deltas.ordinaryBytes)")
                        let explained = try await office.explanation(of: corpus.rebuilt)
                        #expect(explained.delta?.base == corpus.old.storeBaseName)
                    }
                }
            }
        }

        private func fetch(_ path: String, from server: FirnServer) async throws {
            try await withClient(.installed) { home in
                home.use(agent: server, trusting: corpus.key.publicKey)
                try await home.run("nix-store", ["--realise", path]).requireSuccess()
                try await home.run("nix-store", ["--verify", "--check-contents"])
                    .requireSuccess()
            }
        }

        @Test func aReaderOfACacheGetsTheDeltasOfWhatIsInIt() async throws {
            try await withCaches { caches in
                for path in [corpus.old, corpus.rebuilt] { try await caches.push(path, to: "team") }
                var tier = TierSetup(
                    "builder",
                    at: "\(caches.server.url)/team",
                    trusting: [caches.publicKey("team")]
                )
                tier.lines = [
                    "delta = \"always\"", "token-file = \"\(try caches.tokenFile("team"))\"",
                ]
                try await corpus.withLaptop(tier, trusting: caches.publicKey("team")) { laptop in
                    try await laptop.update(to: corpus.rebuilt)
                    let deltas = try await laptop.deltas()
                    #expect(deltas.used == DeltaCorpus.pathCount)
                    #expect(deltas.failures == 0)
                    #expect(deltas.bytes < 20_000, "of \(deltas.ordinaryBytes)")
                }
            }
        }

        /// Whoever knows the hashes of a NAR learns nothing of who has it.
        @Test func whatAnotherCacheHasIsNoBase() async throws {
            let old = try await corpus.store.nar(of: corpus.old)
            let new = try await corpus.store.nar(of: corpus.rebuilt)
            let (base, target) = (name(corpus.old, old), name(corpus.rebuilt, new))
            try await withCaches { caches in
                try await caches.push(corpus.rebuilt, to: "team")
                let url = "/team/nar/\(target).nar"
                let offer = Self.offer(base, SHA256Hasher.hash(old))
                let order = Array("\(target) \(base)\n".utf8)
                let before = try await caches.get(url, "team", offer)
                #expect(before["Content-Encoding"] == nil)
                #expect(before.body == new)
                try await caches.push(corpus.old, to: "other")
                let after = try await caches.get(url, "team", offer)
                #expect(after["Content-Encoding"] == nil)
                #expect(after.body == new)
                #expect(try await caches.order(order, "team").body == [0, 0, 0, 0])
                // Who may not read the cache is told nothing at all, by any way.
                for token in ["other", nil] {
                    #expect(try await caches.get(url, token, offer).status == 404)
                    #expect(try await caches.order(order, token).status == 404)
                }
                #expect(try await caches.get("/nar/\(target).nar", nil, offer).status == 404)
                try await caches.push(corpus.old, to: "team")
                let delta = try await caches.get(url, "team", offer)
                #expect(delta["Content-Encoding"] == "dcz")
                #expect(delta["Cache-Control"]?.contains("private") == true)
                #expect(delta["Use-As-Dictionary"]?.contains("\"/team/nar/*.nar\"") == true)
                #expect(delta.body.count < new.count / 10)
                let many = try await caches.order(order, "team").body
                #expect(Array(many.dropFirst(4)) == delta.body)
                for token in ["other", nil] {
                    #expect(try await caches.get(url, token, offer).status == 404)
                    #expect(try await caches.order(order, token).status == 404)
                }
            }
        }

        /// `STOREHASH-NARHASH`.
        private func name(_ path: String, _ nar: [UInt8]) -> String {
            "\(path.storeHash)-\(SHA256Hasher.hash(nar).digestText(.nix32))"
        }

        private static func offer(
            _ base: String,
            _ hash: NixHash
        ) -> [(name: String, value: String)] {
            [
                ("Accept-Encoding", "dcz"), ("X-Firn-Bases", base),
                ("Available-Dictionary", ":\(Base64.encode(hash.digest)):"),
            ]
        }

        /// A server with an empty store and the private caches `team` and `other`.
        private func withCaches(_ body: (DeltaCaches) async throws -> Void) async throws {
            try await withNixStore { empty in
                try await empty.initialise()
                var setup = ServerSetup(storeRoot: empty.root)
                setup.compression = "zstd"
                try await withTemporaryDirectory { directory in
                    try await withServer(setup) { server in
                        try await body(DeltaCaches(on: server, corpus, in: directory))
                    }
                }
            }
        }
    }
}
