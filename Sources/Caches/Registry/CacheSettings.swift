// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What its owner decides about a cache.
package struct CacheSettings: Hashable, Sendable {
    /// Whether everybody may read it; what is in it then also shows in the merged view.
    package var isPublic: Bool
    /// What its files may take; `nil` is no bound but the depot's.
    package var quotaBytes: UInt64?
    /// How long a path stays that nobody uses; `nil` is for ever.
    package var retentionSeconds: Int64?
    /// The largest NAR that is taken, before compression; `nil` is no bound but the depot's.
    package var maximumNARBytes: UInt64?
    /// What `nix-cache-info` says; a client asks the lowest first.
    package var priority: Int
    /// Names of the server's tiers whose paths may be referred to; `nil` is all of them.
    package var upstreams: [String]?

    package static let defaultPriority = 41

    package init(
        isPublic: Bool = false,
        quotaBytes: UInt64? = nil,
        retentionSeconds: Int64? = nil,
        maximumNARBytes: UInt64? = nil,
        priority: Int = defaultPriority,
        upstreams: [String]? = nil
    ) {
        self.isPublic = isPublic
        self.quotaBytes = quotaBytes
        self.retentionSeconds = retentionSeconds
        self.maximumNARBytes = maximumNARBytes
        self.priority = priority
        self.upstreams = upstreams
    }
}

/// A cache as it is registered.
package struct NamedCache: Hashable, Sendable {
    package var name: CacheName
    package var settings: CacheSettings
    /// The key that signs what is pushed here; its secret half is not kept here.
    package var publicKey: PublicKey
    /// Seconds of Unix time.
    package var createdAt: Int64
    /// Whether a `[[cache]]` of the configuration says what it is.
    package var isDeclared: Bool

    package init(
        name: CacheName,
        settings: CacheSettings,
        publicKey: PublicKey,
        createdAt: Int64,
        isDeclared: Bool = false
    ) {
        self.name = name
        self.settings = settings
        self.publicKey = publicKey
        self.createdAt = createdAt
        self.isDeclared = isDeclared
    }
}
