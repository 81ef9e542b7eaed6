// SPDX-License-Identifier: Apache-2.0

/// Paths to be removed from a cache: all of them or none.
package struct PathRemovalRequest: Codable, Hashable, Sendable {
    package static let mostPaths = 1_000

    package var cache: String
    /// Of the store paths; up to ``mostPaths``.
    package var hashes: [String]
    /// Whether what refers to them goes as well.
    package var withReferrers: Bool
    package var isDryRun: Bool

    package init(cache: String, hashes: [String], withReferrers: Bool, isDryRun: Bool) {
        self.cache = cache
        self.hashes = hashes
        self.withReferrers = withReferrers
        self.isDryRun = isDryRun
    }

    private enum CodingKeys: String, CodingKey {
        case cache, hashes
        case withReferrers = "with-referrers"
        case isDryRun = "dry-run"
    }
}

/// What became of a ``PathRemovalRequest``.
package struct PathRemovalReport: Codable, Hashable, Sendable {
    package var cache: String
    package var isDryRun: Bool
    /// What went, or would; empty where something is in the way.
    package var removed: [Path]
    /// What is in the way: then nothing went.
    package var refused: [Obstacle]
    /// Hashes that are not in the cache: then nothing went.
    package var absent: [String]

    package struct Path: Codable, Hashable, Sendable {
        /// The store path, or its hash where it went just before its name was read.
        package var path: String
        /// Of its object, which other caches may go on keeping.
        package var sizeBytes: UInt64

        package init(path: String, sizeBytes: UInt64) {
            self.path = path
            self.sizeBytes = sizeBytes
        }

        private enum CodingKeys: String, CodingKey {
            case path
            case sizeBytes = "size-bytes"
        }
    }

    /// A path that stays, and why.
    package struct Obstacle: Codable, Hashable, Sendable {
        package var path: String
        /// Some of them, where there are many.
        package var referrers: [String]
        package var referrerCount: Int
        /// Names of pins that mean it.
        package var pins: [String]

        package init(path: String, referrers: [String], referrerCount: Int, pins: [String]) {
            self.path = path
            self.referrers = referrers
            self.referrerCount = referrerCount
            self.pins = pins
        }

        private enum CodingKeys: String, CodingKey {
            case path, referrers, pins
            case referrerCount = "referrer-count"
        }
    }

    package init(
        cache: String,
        isDryRun: Bool,
        removed: [Path],
        refused: [Obstacle],
        absent: [String]
    ) {
        self.cache = cache
        self.isDryRun = isDryRun
        self.removed = removed
        self.refused = refused
        self.absent = absent
    }

    private enum CodingKeys: String, CodingKey {
        case cache, removed, refused, absent
        case isDryRun = "dry-run"
    }
}
