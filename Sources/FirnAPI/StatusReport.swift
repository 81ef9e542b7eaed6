// SPDX-License-Identifier: Apache-2.0

/// What a daemon says about itself: the answer to `FirnRoute.status`.
///
/// Counts are since the daemon's start.
package struct StatusReport: Codable, Hashable, Sendable {
    package var version: String
    /// Chosen at random at the daemon's start; tells two of them apart.
    package var node: String
    package var startedAt: Timestamp
    package var storeDirectory: String
    package var priority: Int
    package var store: Store
    /// `nil` without a depot.
    package var depot: Depot?
    /// In the order in which they are preferred.
    package var tiers: [Tier]
    /// What comes in at this moment.
    package var transfers: [Transfer]

    package init(
        version: String,
        node: String,
        startedAt: Timestamp,
        storeDirectory: String,
        priority: Int,
        store: Store,
        depot: Depot?,
        tiers: [Tier],
        transfers: [Transfer]
    ) {
        self.version = version
        self.node = node
        self.startedAt = startedAt
        self.storeDirectory = storeDirectory
        self.priority = priority
        self.store = store
        self.depot = depot
        self.tiers = tiers
        self.transfers = transfers
    }

    private enum CodingKeys: String, CodingKey {
        case version, node, priority, store, depot, tiers, transfers
        case startedAt = "started-at"
        case storeDirectory = "store-directory"
    }
}

extension StatusReport {
    /// Lookups in the machine's own store.
    package struct Store: Codable, Hashable, Sendable {
        package var hits: UInt64
        package var misses: UInt64

        package init(hits: UInt64, misses: UInt64) {
            self.hits = hits
            self.misses = misses
        }
    }

    package struct Depot: Codable, Hashable, Sendable {
        /// A folder, or a URL without credentials.
        package var location: String
        package var objects: UInt64
        /// Of objects that are complete.
        package var storedBytes: UInt64
        /// Of objects that are being written.
        package var pendingBytes: UInt64
        package var maximumBytes: UInt64
        package var hits: UInt64
        package var misses: UInt64
        /// Why nothing is kept at this moment.
        package var trouble: String?

        package init(
            location: String,
            objects: UInt64,
            storedBytes: UInt64,
            pendingBytes: UInt64,
            maximumBytes: UInt64,
            hits: UInt64,
            misses: UInt64,
            trouble: String? = nil
        ) {
            self.location = location
            self.objects = objects
            self.storedBytes = storedBytes
            self.pendingBytes = pendingBytes
            self.maximumBytes = maximumBytes
            self.hits = hits
            self.misses = misses
            self.trouble = trouble
        }

        private enum CodingKeys: String, CodingKey {
            case location, objects, hits, misses, trouble
            case storedBytes = "stored-bytes"
            case pendingBytes = "pending-bytes"
            case maximumBytes = "maximum-bytes"
        }
    }

    /// The bytes of one NAR on their way from a tier.
    package struct Transfer: Codable, Hashable, Sendable {
        /// The URL that this daemon advertises it under, without the slash in front.
        package var nar: String
        package var tier: String
        package var receivedBytes: UInt64
        /// `nil` when the tier does not tell.
        package var sizeBytes: UInt64?
        /// Clients that it is sent to.
        package var readers: Int

        package init(
            nar: String,
            tier: String,
            receivedBytes: UInt64,
            sizeBytes: UInt64?,
            readers: Int
        ) {
            self.nar = nar
            self.tier = tier
            self.receivedBytes = receivedBytes
            self.sizeBytes = sizeBytes
            self.readers = readers
        }

        private enum CodingKeys: String, CodingKey {
            case nar, tier, readers
            case receivedBytes = "received-bytes"
            case sizeBytes = "size-bytes"
        }
    }
}
