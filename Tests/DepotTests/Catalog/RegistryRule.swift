// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import NixFormat
import Testing

/// One rule that every ``Caches/CacheRegistry`` must keep.
struct RegistryRule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Is handed what opens the same new registry each time, as a new process would.
    let check: @Sendable (_ open: () throws -> any CacheRegistry) throws -> Void

    static let all = [
        RegistryRule(testDescription: "a cache is found as it was inserted, and inserted once") {
            open in
            let registry = try open()
            var settings = CacheSettings(isPublic: true, quotaBytes: 5)
            settings.upstreams = []
            let cache = try sampleCache("team", settings)
            #expect(try registry.insert(cache))
            #expect(try !registry.insert(sampleCache("team")))
            #expect(try open().findCache(cache.name) == cache)
            #expect(try open().findCache(CacheName(parsing: "other")) == nil)
        },
        RegistryRule(testDescription: "caches are listed by name") { open in
            let registry = try open()
            for name in ["b", "a-b", "a", "c"] { _ = try registry.insert(sampleCache(name)) }
            #expect(try registry.listCaches().map { "\($0.name)" } == ["a", "a-b", "b", "c"])
        },
        RegistryRule(testDescription: "only what is there is updated and deleted") { open in
            let registry = try open()
            var cache = try sampleCache("team")
            #expect(try !registry.update(cache))
            #expect(try !registry.deleteCache(cache.name))
            _ = try registry.insert(cache)
            cache.settings.quotaBytes = 7
            #expect(try registry.update(cache))
            #expect(try open().findCache(cache.name)?.settings.quotaBytes == 7)
            #expect(try registry.deleteCache(cache.name))
            #expect(try open().listCaches().isEmpty)
        },
        RegistryRule(testDescription: "a token is found by its secret alone, until it is deleted") {
            open in
            let registry = try open()
            let secret = TokenSecret.generate()
            let token = try sampleToken(secret, createdAt: 1)
            #expect(try registry.insert(token))
            #expect(try !registry.insert(token))
            #expect(try open().findToken(secret.digest) == token)
            #expect(try registry.findToken(TokenSecret.generate().digest) == nil)
            // What differs in its last byte alone is another one.
            var bytes = secret.digest.bytes
            bytes[31] ^= 1
            #expect(try registry.findToken(TokenDigest(bytes)) == nil)
            #expect(try registry.deleteToken(token.id) == token)
            #expect(try registry.deleteToken(token.id) == nil)
            #expect(try open().findToken(secret.digest) == nil)
        },
        RegistryRule(testDescription: "tokens are listed by age, and one that never ends is such") {
            open in
            let registry = try open()
            let tokens = try (0..<4).map {
                try sampleToken(.generate(), createdAt: 10 - Int64($0), expiresAt: nil)
            }
            for token in tokens { _ = try registry.insert(token) }
            #expect(try open().listTokens() == tokens.reversed())
            #expect(try registry.listTokens().allSatisfy { $0.expiresAt == nil })
        },
    ]
}

private func sampleCache(
    _ name: String,
    _ settings: CacheSettings = CacheSettings()
) throws -> NamedCache {
    NamedCache(
        name: try CacheName(parsing: name),
        settings: settings,
        publicKey: try SecretKey.generate(name: "key-1").publicKey,
        createdAt: 3
    )
}

func sampleToken(
    _ secret: TokenSecret,
    createdAt: Int64,
    expiresAt: Int64? = 99
) throws -> AccessToken {
    AccessToken(
        id: .generate(),
        digest: secret.digest,
        label: "CI é",
        caches: try CachePattern(parsing: "team*"),
        permissions: [.pull, .push],
        createdAt: createdAt,
        expiresAt: expiresAt
    )
}
