// SPDX-License-Identifier: Apache-2.0

/// What is ordered about pins: `POST /api/v1/pins/WORD`.
///
/// It takes a token that allows push on the cache, or for the list one that may see it. Every answer
/// is a ``PinListReport``.
package enum PinOrder: String, CaseIterable, Sendable {
    /// Of a ``PinRequest``.
    case create
    /// Of a ``CacheReference``.
    case list
    /// Of a ``PinReference``.
    case remove
}

/// A pin to be made, or to mean another path.
package struct PinRequest: Codable, Hashable, Sendable {
    package var cache: String
    package var name: String
    /// The hash of the store path.
    package var hash: String
    /// How many of the latest paths stay; absent for one, or where ``days`` is there.
    package var revisions: Int?
    /// How long the paths before the latest stay.
    package var days: Int?

    package init(cache: String, name: String, hash: String, revisions: Int?, days: Int?) {
        self.cache = cache
        self.name = name
        self.hash = hash
        self.revisions = revisions
        self.days = days
    }
}

/// A pin by its name.
package struct PinReference: Codable, Hashable, Sendable {
    package var cache: String
    package var name: String

    package init(cache: String, name: String) {
        self.cache = cache
        self.name = name
    }
}

/// The pins of a cache.
package struct PinListReport: Codable, Hashable, Sendable {
    package struct Pin: Codable, Hashable, Sendable {
        package var name: String
        package var revisions: [Revision]
        package var keepRevisions: Int?
        package var keepDays: Int?

        package init(name: String, revisions: [Revision], keepRevisions: Int?, keepDays: Int?) {
            self.name = name
            self.revisions = revisions
            self.keepRevisions = keepRevisions
            self.keepDays = keepDays
        }

        private enum CodingKeys: String, CodingKey {
            case name, revisions
            case keepRevisions = "keep-revisions"
            case keepDays = "keep-days"
        }
    }

    package struct Revision: Codable, Hashable, Sendable {
        /// The whole store path.
        package var path: String
        package var pinnedAt: Timestamp

        package init(path: String, pinnedAt: Timestamp) {
            self.path = path
            self.pinnedAt = pinnedAt
        }

        private enum CodingKeys: String, CodingKey {
            case path
            case pinnedAt = "pinned-at"
        }
    }

    /// By name; of each, the newest revision first.
    package var pins: [Pin]

    package init(pins: [Pin]) { self.pins = pins }
}
