// SPDX-License-Identifier: Apache-2.0

/// A cache as it is.
package struct CacheReport: Codable, Hashable, Sendable {
    package var name: String
    package var isPublic: Bool
    package var quotaBytes: UInt64?
    package var retentionSeconds: Int64?
    package var maximumNARBytes: UInt64?
    package var priority: Int
    /// Names of tiers; absent means all of them.
    package var upstreams: [String]?
    /// As in `trusted-public-keys`.
    package var publicKey: String
    package var createdAt: Timestamp
    /// Whether a `[[cache]]` of the server's configuration says what it is.
    package var isDeclared: Bool
    package var paths: Int
    package var sizeBytes: UInt64

    package init(
        name: String,
        isPublic: Bool,
        quotaBytes: UInt64?,
        retentionSeconds: Int64?,
        maximumNARBytes: UInt64?,
        priority: Int,
        upstreams: [String]?,
        publicKey: String,
        createdAt: Timestamp,
        isDeclared: Bool,
        paths: Int,
        sizeBytes: UInt64
    ) {
        self.name = name
        self.isPublic = isPublic
        self.quotaBytes = quotaBytes
        self.retentionSeconds = retentionSeconds
        self.maximumNARBytes = maximumNARBytes
        self.priority = priority
        self.upstreams = upstreams
        self.publicKey = publicKey
        self.createdAt = createdAt
        self.isDeclared = isDeclared
        self.paths = paths
        self.sizeBytes = sizeBytes
    }

    private enum CodingKeys: String, CodingKey {
        case name, priority, upstreams, paths
        case isPublic = "public"
        case quotaBytes = "quota-bytes"
        case retentionSeconds = "retention-seconds"
        case maximumNARBytes = "max-nar-bytes"
        case publicKey = "public-key"
        case createdAt = "created-at"
        case isDeclared = "declared"
        case sizeBytes = "size-bytes"
    }
}

package struct CacheListReport: Codable, Hashable, Sendable {
    /// By name.
    package var caches: [CacheReport]

    package init(caches: [CacheReport]) { self.caches = caches }
}
