// SPDX-License-Identifier: Apache-2.0

/// What is ordered about caches: `POST /api/v1/caches/WORD`.
package enum CacheOrder: String, CaseIterable, Sendable {
    /// Of a ``CacheChange``; the answer is a ``CacheReport``.
    case create
    /// Of a ``ListRequest``; the answer is a ``CacheListReport``.
    case list
    /// Of a ``CacheReference``; the answer is a ``CacheReport``.
    case info
    /// Of a ``CacheChange``; the answer is a ``CacheReport``.
    case configure
    /// Of a ``CacheReference``; the answer is the ``CacheReport`` of what is gone.
    case delete
    /// Of a ``PathRemovalRequest``, which takes `delete` alone; the answer is a ``PathRemovalReport``.
    case remove
}

/// What is ordered about tokens: `POST /api/v1/tokens/WORD`.
package enum TokenOrder: String, CaseIterable, Sendable {
    /// Of a ``TokenRequest``; the answer is a ``NewTokenReport``.
    case create
    /// Of a ``ListRequest``; the answer is a ``TokenListReport``.
    case list
    /// Of a ``TokenReference``; the answer is the ``TokenReport`` of what is gone.
    case revoke
}

/// An order without anything to say.
package struct ListRequest: Codable, Hashable, Sendable {
    package init() {}
}

/// A cache by its name.
package struct CacheReference: Codable, Hashable, Sendable {
    package var name: String

    package init(name: String) { self.name = name }
}

/// What a cache is to be; what is absent stays as it is, or as it is by default.
package struct CacheChange: Codable, Hashable, Sendable {
    package var name: String
    package var isPublic: Bool?
    package var quotaBytes: UInt64?
    package var retentionSeconds: Int64?
    package var maximumNARBytes: UInt64?
    package var priority: Int?
    /// Names of tiers of the server.
    package var upstreams: [String]?
    /// Bounds to do without.
    package var without: [Bound]

    /// What need not be there.
    package enum Bound: String, Codable, CaseIterable, Hashable, Sendable {
        case quota, retention
        case maximumNARSize = "max-nar-size"
        case upstreams
    }

    package init(name: String, without: [Bound] = []) {
        self.name = name
        self.without = without
    }

    private enum CodingKeys: String, CodingKey {
        case name, priority, upstreams, without
        case isPublic = "public"
        case quotaBytes = "quota-bytes"
        case retentionSeconds = "retention-seconds"
        case maximumNARBytes = "max-nar-bytes"
    }
}

/// A token to be made.
package struct TokenRequest: Codable, Hashable, Sendable {
    /// A name, or its beginning with `*` behind it.
    package var caches: String
    /// `pull`, `push`, `delete`, `admin`.
    package var allow: [String]
    /// From now; absent for a token that does not end.
    package var lifetimeSeconds: Int64?
    package var label: String

    package init(caches: String, allow: [String], lifetimeSeconds: Int64?, label: String) {
        self.caches = caches
        self.allow = allow
        self.lifetimeSeconds = lifetimeSeconds
        self.label = label
    }

    private enum CodingKeys: String, CodingKey {
        case caches, allow, label
        case lifetimeSeconds = "lifetime-seconds"
    }
}

/// A token by its number.
package struct TokenReference: Codable, Hashable, Sendable {
    package var id: String

    package init(id: String) { self.id = id }
}
