// SPDX-License-Identifier: Apache-2.0
package import Foundation
import Logging

/// An object that a collection removes, or would remove.
package struct CollectedObject: Hashable, Sendable {
    package let key: ObjectKey
    /// What the object and its narinfo take on the disk, in whole blocks.
    package let sizeBytes: UInt64
    package let lastUsedAt: Date

    package init(key: ObjectKey, sizeBytes: UInt64, lastUsedAt: Date) {
        self.key = key
        self.sizeBytes = sizeBytes
        self.lastUsedAt = lastUsedAt
    }

    fileprivate init(_ entry: CatalogEntry) {
        self.init(
            key: entry.key,
            sizeBytes: entry.blockBytes,
            lastUsedAt: Date(timeIntervalSince1970: Double(entry.record.usedAt) / 1_000_000)
        )
    }
}

extension NARDepot {
    /// What ``collect(downTo:)`` would remove now.
    ///
    /// - Parameter sizeBytes: What may be left, of what is stored and what is being written.
    /// - Returns: Objects in the order in which they would go, which is that of their last use.
    ///   Those that are being read are not among them, so that more than `sizeBytes` may be left.
    /// - Throws: `DepotError.catalogUnavailable(_:)`.
    package func planCollection(downTo sizeBytes: UInt64) throws -> [CollectedObject] {
        try chooseForCollection(downTo: sizeBytes).map(CollectedObject.init)
    }

    /// Removes what was used least recently, but nothing that is being read.
    ///
    /// Safe at any moment, beside everything else; with every object that goes, its narinfo goes
    /// first.
    ///
    /// - Parameter sizeBytes: What may be left, of what is stored and what is being written.
    /// - Returns: The objects that went, in this order.
    /// - Throws: The failure of a file or the catalog; what went before it is gone.
    @discardableResult
    package func collect(downTo sizeBytes: UInt64) throws -> [CollectedObject] {
        var collected: [CollectedObject] = []
        let usage = usage()
        let taken = usage.sizeBytes + usage.pendingSizeBytes
        if taken > sizeBytes { _ = deltas.evict(taken - sizeBytes) }
        var rest = try chooseForCollection(downTo: sizeBytes)[...]
        // In pieces, so that nobody who needs room waits for long.
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Self.collectedTogether))
            collected += try depart(piece, evenIfOpen: false).map(CollectedObject.init)
            rest = rest.dropFirst(Self.collectedTogether)
        }
        return collected
    }

    /// What would go first if room were needed now: what was used least recently and nobody reads.
    ///
    /// - Throws: `DepotError.catalogUnavailable(_:)`.
    package func nextToGo(limit: Int) throws -> [CollectedObject] {
        flushUses()
        var chosen: [CatalogEntry] = []
        guard limit > 0 else { return [] }
        try forEachUnread { entry in
            chosen.append(entry)
            return chosen.count < limit
        }
        return chosen.map(CollectedObject.init)
    }

    private static let collectedTogether = 64

    private var deltaBytes: UInt64 { deltas.usage.blockBytes }

    private func chooseForCollection(downTo sizeBytes: UInt64) throws -> [CatalogEntry] {
        flushUses()
        let usage = usage()
        // Deltas go before objects do, and are not told of.
        let taken = usage.sizeBytes + usage.pendingSizeBytes - min(usage.sizeBytes, deltaBytes)
        guard taken > sizeBytes else { return [] }
        var chosen: [CatalogEntry] = []
        var sum: UInt64 = 0
        try forEachUnread { entry in
            chosen.append(entry)
            sum += entry.blockBytes
            return sum < taken - sizeBytes
        }
        return chosen
    }
}
