// SPDX-License-Identifier: Apache-2.0
import Depot
import NixStore
import Synchronization

/// The numbers of one moment, from the store, the depot and the tier itself.
package struct TierStatistics: Sendable {
    package struct Depot: Sendable {
        package var location: String
        package var objects: Int
        /// Complete ones.
        package var sizeBytes: UInt64
        /// What is being written, and NARs on their way through.
        package var pendingSizeBytes: UInt64
        package var maximumSizeBytes: UInt64

        package init(
            location: String = "",
            objects: Int,
            sizeBytes: UInt64,
            pendingSizeBytes: UInt64 = 0,
            maximumSizeBytes: UInt64
        ) {
            self.location = location
            self.objects = objects
            self.sizeBytes = sizeBytes
            self.pendingSizeBytes = pendingSizeBytes
            self.maximumSizeBytes = maximumSizeBytes
        }
    }

    package var narBytesRead: UInt64
    package var badPaths: UInt64
    package var hashMismatches: UInt64
    package var databaseErrors: UInt64
    /// Streams that could not be protected from garbage collection.
    package var rootsFailed: UInt64
    package var signaturesMade: UInt64
    package var depotHits: UInt64
    package var depotMisses: UInt64
    /// Lookups of paths that the store has, and has not.
    package var storeHits: UInt64
    package var storeMisses: UInt64
    /// `nil` without a depot.
    package var depot: Depot?
    /// Paths that wait to be compressed.
    package var waitingObjects: Int
    package var deltas: MadeDeltas

    package init(
        narBytesRead: UInt64,
        badPaths: UInt64,
        hashMismatches: UInt64,
        databaseErrors: UInt64,
        rootsFailed: UInt64,
        signaturesMade: UInt64,
        depotHits: UInt64,
        depotMisses: UInt64,
        storeHits: UInt64 = 0,
        storeMisses: UInt64 = 0,
        depot: Depot?,
        waitingObjects: Int,
        deltas: MadeDeltas = MadeDeltas()
    ) {
        self.narBytesRead = narBytesRead
        self.badPaths = badPaths
        self.hashMismatches = hashMismatches
        self.databaseErrors = databaseErrors
        self.rootsFailed = rootsFailed
        self.signaturesMade = signaturesMade
        self.depotHits = depotHits
        self.depotMisses = depotMisses
        self.storeHits = storeHits
        self.storeMisses = storeMisses
        self.depot = depot
        self.waitingObjects = waitingObjects
        self.deltas = deltas
    }
}

extension StoreTier {
    package func statistics() -> TierStatistics {
        let counters = store.counters
        return TierStatistics(
            narBytesRead: counters.bytesRead.load(ordering: .relaxed),
            badPaths: counters.badPaths.load(ordering: .relaxed),
            hashMismatches: counters.hashMismatches.load(ordering: .relaxed),
            databaseErrors: counters.databaseErrors.load(ordering: .relaxed),
            rootsFailed: counters.rootsFailed.load(ordering: .relaxed),
            signaturesMade: keys.signaturesMade,
            depotHits: self.counters.depotHits.load(ordering: .relaxed),
            depotMisses: self.counters.depotMisses.load(ordering: .relaxed),
            storeHits: self.counters.storeHits.load(ordering: .relaxed),
            storeMisses: self.counters.storeMisses.load(ordering: .relaxed),
            depot: depot.map(TierStatistics.Depot.init),
            waitingObjects: maker?.waitingCount ?? 0,
            deltas: deltas.figures
        )
    }
}

extension TierStatistics.Depot {
    fileprivate init(_ depot: NARDepot) {
        let usage = depot.usage()
        self.init(
            location: depot.configuration.name ?? depot.configuration.directory,
            objects: usage.objects,
            sizeBytes: usage.sizeBytes,
            pendingSizeBytes: usage.pendingSizeBytes,
            maximumSizeBytes: usage.maximumSizeBytes
        )
    }
}
