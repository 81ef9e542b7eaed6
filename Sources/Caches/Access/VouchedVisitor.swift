// SPDX-License-Identifier: Apache-2.0

/// Somebody whom an issuer of identities vouches for, with what the configuration lets them do.
package struct VouchedVisitor: Hashable, Sendable {
    /// What is allowed on the caches of one pattern.
    package struct Right: Hashable, Sendable {
        package let caches: CachePattern
        package let permissions: Permissions

        package init(caches: CachePattern, permissions: Permissions) {
            self.caches = caches
            self.permissions = permissions
        }
    }

    /// The issuer's name for itself: its URL.
    package let issuer: String
    /// The issuer's name for this one; the same in each token that it gets.
    package let subject: String
    /// Each holds for its own caches, and none for administration.
    package let rights: [Right]

    package init(issuer: String, subject: String, rights: [Right]) {
        self.issuer = issuer
        self.subject = subject
        self.rights = rights
    }

    /// All that is allowed on a cache.
    package func permissions(on name: CacheName) -> Permissions {
        rights.filter { $0.caches.matches(name) }
            .reduce(Permissions()) { $0.union($1.permissions) }
            .subtracting(.admin)
    }
}
