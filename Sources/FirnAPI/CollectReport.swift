// SPDX-License-Identifier: Apache-2.0

/// The body of `FirnRoute.collect`: what to let go of in the depot.
package struct CollectRequest: Codable, Hashable, Sendable {
    /// How much may stay; `nil` means what the configuration allows.
    package var downToBytes: UInt64?
    /// Only says what would go.
    package var isDryRun: Bool

    package init(downToBytes: UInt64?, isDryRun: Bool) {
        self.downToBytes = downToBytes
        self.isDryRun = isDryRun
    }

    private enum CodingKeys: String, CodingKey {
        case downToBytes = "down-to-bytes"
        case isDryRun = "dry-run"
    }
}

/// What went, or would go: the answer to `FirnRoute.collect`.
package struct CollectReport: Codable, Hashable, Sendable {
    package struct Object: Codable, Hashable, Sendable {
        /// Its file name in the depot.
        package var name: String
        package var sizeBytes: UInt64
        /// When it was last sent; `nil` for never.
        package var usedAt: Timestamp?

        package init(name: String, sizeBytes: UInt64, usedAt: Timestamp?) {
            self.name = name
            self.sizeBytes = sizeBytes
            self.usedAt = usedAt
        }

        private enum CodingKeys: String, CodingKey {
            case name
            case sizeBytes = "size-bytes"
            case usedAt = "used-at"
        }
    }

    /// A path that a cache does without.
    package struct Path: Codable, Hashable, Sendable {
        package var cache: String
        /// The hash of its store path.
        package var hash: String
        package var sizeBytes: UInt64
        package var usedAt: Timestamp

        package init(cache: String, hash: String, sizeBytes: UInt64, usedAt: Timestamp) {
            self.cache = cache
            self.hash = hash
            self.sizeBytes = sizeBytes
            self.usedAt = usedAt
        }

        private enum CodingKeys: String, CodingKey {
            case cache, hash
            case sizeBytes = "size-bytes"
            case usedAt = "used-at"
        }
    }

    package var isDryRun: Bool
    package var freedBytes: UInt64
    /// What went from named caches before; absent where there are none, or from an older daemon.
    package var paths: [Path]?
    /// In the order in which they go: the one that was not used for longest first.
    package var objects: [Object]

    package init(
        isDryRun: Bool,
        freedBytes: UInt64,
        objects: [Object],
        paths: [Path]? = nil
    ) {
        self.paths = paths
        self.isDryRun = isDryRun
        self.freedBytes = freedBytes
        self.objects = objects
    }

    private enum CodingKeys: String, CodingKey {
        case objects, paths
        case isDryRun = "dry-run"
        case freedBytes = "freed-bytes"
    }
}
