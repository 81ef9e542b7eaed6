// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

extension TierTests {
    /// A Firn in front of a public cache that keeps what it fetches in a bucket.
    @Suite(.enabled(if: ObjectStoreStand.whatIsMissing == nil))
    struct S3PullThroughTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func theBucketIsABinaryCacheByItself() async throws {
            try await S3Setup.with { s3 in
                var setup = ServerSetup(storeRoot: cache.store.root)
                try await withNixStore { own in
                    try await own.initialise()
                    setup.storeRoot = own.root
                    setup.compression = "zstd"
                    setup.tiers = [cache.tier]
                    s3.change(&setup)
                    try await withServer(setup) { server in
                        try await realise(cache.top, from: server)
                        try await wait(for: "the whole closure in the bucket") {
                            try await server.status().depot?.objects == cache.paths.count
                        }
                        let status = try await server.status().depot
                        #expect(status?.location == "s3://\(s3.bucket)")
                        // From the bucket, whole and in part.
                        try await realise(cache.top, from: server)
                        try await requireRanges(of: cache.top, from: server)
                    }
                }
                for client in NixClient.usable {
                    try await copy(client, from: s3.bucketURL, s3)
                    try await copy(client, from: s3.nixURL, s3)
                }
            }
        }

        @Test func aKilledOneGoesOnWithWhatItHas() async throws {
            try await S3Setup.with { s3 in
                try await withNixStore { own in
                    try await own.initialise()
                    var setup = ServerSetup(storeRoot: own.root)
                    setup.compression = "zstd"
                    setup.tiers = [cache.tier]
                    s3.change(&setup, prefix: "a/b")
                    try await withServer(setup) { server in
                        try await realise(cache.pieces[0], from: server)
                        try await wait(for: "the path in the bucket") {
                            try await server.status().depot?.objects == 1
                        }
                        // In the midst of another.
                        async let interrupted: Void? = try? await realise(
                            cache.big,
                            from: server
                        )
                        try await Task.sleep(for: .milliseconds(200))
                        try await server.kill()
                        _ = await interrupted
                        let again = try await server.restarted()
                        do {
                            #expect(try await again.narInfoStatus(of: cache.pieces[0]) == 200)
                            try await realise(cache.big, from: again)
                            try await wait(for: "both in the bucket") {
                                try await again.status().depot?.objects == 2
                            }
                            try await again.stop()
                        } catch {
                            try? await again.stop()
                            throw error
                        }
                    }
                }
            }
        }

        private func realise(_ path: String, from server: FirnServer) async throws {
            try await withClient(.installed) { home in
                home.use(cache: server.url, trusting: cache.key.publicKey)
                home.settings.append(("narinfo-cache-negative-ttl", "0"))
                try await home.run("nix-store", ["--realise", path]).requireSuccess()
                #expect(home.holds(path))
            }
        }

        /// What a range is of the whole.
        private func requireRanges(of path: String, from server: FirnServer) async throws {
            let target = try await server.narTarget(of: path)
            let whole = try await server.get(target)
            #expect(whole.status == 200)
            let size = whole.body.count
            for range in [0..<10, 5..<size, size / 2..<size / 2 + 1] {
                let field = ("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
                let part = try await server.get(target, fields: [field])
                #expect(part.status == 206)
                #expect(part.body == Array(whole.body[range]))
            }
            let head = try await server.ask(HTTPRequest(target, method: "HEAD"))
            #expect(head["Content-Length"] == "\(size)")
        }

        private func copy(_ client: NixClient, from url: String, _ s3: S3Setup) async throws {
            try await withClient(client) { home in
                home.use(cache: "", trusting: cache.key.publicKey)
                home.environment = s3.stand.environment
                let outcome = try await home.run("nix", ["copy", "--from", url, cache.top])
                // Some builds of Nix come without S3.
                let knowsNoS3 = ["don't know how to open", "not supported", "without S3"]
                if url.hasPrefix("s3:"), outcome.status != 0,
                    knowsNoS3.contains(where: outcome.errors.contains)
                {
                    return
                }
                #expect(outcome.status == 0, "\(client) \(url): \(outcome.errors)")
                for path in cache.paths { #expect(home.holds(path)) }
            }
        }
    }
}
