// SPDX-License-Identifier: Apache-2.0
import Logging
import NixFormat
import Synchronization

extension NARDepot {
    /// Grows the reservation of an unfinished object, evicting what was used least recently.
    func reserve(from oldSizeBytes: UInt64, to newSizeBytes: UInt64) throws {
        let maximum = configuration.maximumSizeBytes
        let needed = Ledger.blockBytes(newSizeBytes)
        // Hopeless cases evict nothing.
        guard needed <= maximum else {
            throw DepotError.full(neededBytes: needed, maximumSizeBytes: maximum)
        }
        let growth = needed - Ledger.blockBytes(oldSizeBytes)
        while !ledger.reserve(growth) {
            guard try evict() else {
                throw DepotError.full(neededBytes: needed, maximumSizeBytes: maximum)
            }
        }
    }

    /// Gives a synced file its name and its row.
    ///
    /// The row comes first, marked as arriving and durable, so that whatever a crash leaves is known
    /// by looking at a few rows instead of a whole directory.
    func publish(_ info: ObjectInfo, from fileName: String) throws {
        let usedAt = uses.now()
        let id = try catalog.insertArriving(info, usedAt: usedAt)
        do {
            try onStep(.arrivalRecorded)
            try objects.publish(fileName, as: info.key)
            try onStep(.renamed)
            let gone = departures.withLock { $0.ids }
            try objects.sync()
            try onStep(.directorySynced)
            try catalog.markPresent(id, deleting: gone)
            departures.withLock { $0.ids.subtract(gone) }
            ledger.endWriting(info.key, keeping: info.sizeBytes)
        } catch {
            // Each of these may fail as well, on a full disk for one; the next start sees the row.
            try? objects.remove(info.key)
            try? catalog.delete([id])
            throw error
        }
        try? onStep(.presenceRecorded)
    }

    /// Forgets an unfinished object.
    func discard(_ key: ObjectKey, fileName: String, sizeBytes: UInt64) {
        do {
            try objects.removeUnfinished(fileName)
        } catch {
            logger.error("cannot remove an unfinished file: \(fileName): \(error)")
        }
        ledger.endWriting(key, releasingBytes: Ledger.blockBytes(sizeBytes))
    }
}
