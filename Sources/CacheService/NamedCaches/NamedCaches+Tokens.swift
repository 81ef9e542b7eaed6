// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot

/// A token that is to be made.
package struct TokenWish: Sendable {
    package var caches: CachePattern
    package var permissions: Permissions
    package var lifetimeSeconds: Int64?
    package var label: String

    package init(
        caches: CachePattern,
        permissions: Permissions,
        lifetimeSeconds: Int64?,
        label: String
    ) {
        self.caches = caches
        self.permissions = permissions
        self.lifetimeSeconds = lifetimeSeconds
        self.label = label
    }
}

extension NamedCaches {
    /// Whether a token can still be used.
    package static func isExpired(_ token: AccessToken) -> Bool { !token.isValid(at: now) }

    /// Makes a token; its secret is nowhere afterwards but with the caller.
    ///
    /// - Throws: ``CacheError/notAllowed(_:hasCredentials:)`` for caches that are not the visitor's to
    ///   administer: a token never makes one that reaches further.
    package func makeToken(
        _ wish: TokenWish,
        by visitor: Visitor
    ) async throws -> (secret: TokenSecret, token: AccessToken) {
        try requireAdministrator(visitor)
        guard visitor.mayAdminister(wish.caches) else {
            throw CacheError.notAllowed(
                "this token may not make tokens for \(wish.caches)",
                hasCredentials: true
            )
        }
        let secret = TokenSecret.generate()
        let now = Self.now
        let token = AccessToken(
            id: .generate(),
            digest: secret.digest,
            label: wish.label,
            caches: wish.caches,
            permissions: wish.permissions,
            createdAt: now,
            expiresAt: wish.lifetimeSeconds.map { now + $0 }
        )
        guard try await asking({ try $0.registry.insert(token) }) else {
            throw CacheError.conflict("a number came up twice; ask again")
        }
        return (secret, token)
    }

    /// The tokens that reach no further than the visitor, the oldest first.
    package func listTokens(for visitor: Visitor) async throws -> [AccessToken] {
        try requireAdministrator(visitor)
        return try await asking { try $0.registry.listTokens() }
            .filter { visitor.mayAdminister($0.caches) }
    }

    /// Ends a token at once.
    ///
    /// - Throws: ``CacheError/notFound`` when there is none that the visitor administers.
    package func revokeToken(_ id: TokenID, by visitor: Visitor) async throws -> AccessToken {
        try requireAdministrator(visitor)
        return try await asking { depot in
            guard let token = try depot.registry.listTokens().first(where: { $0.id == id }),
                visitor.mayAdminister(token.caches),
                let gone = try depot.registry.deleteToken(id)
            else { throw CacheError.notFound }
            return gone
        }
    }
}
