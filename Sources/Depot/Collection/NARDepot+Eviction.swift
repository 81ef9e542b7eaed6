// SPDX-License-Identifier: Apache-2.0
import Logging
import Synchronization

/// Rows of objects that are gone, but perhaps not from the disk yet.
///
/// They are deleted after the next sync: a row that went before its file did could leave a file
/// behind that nobody counts.
struct UnsyncedDepartures: ~Copyable {
    var ids: Set<Int64> = []
    /// Enough to make a sync of their own cheap in comparison.
    static let maximum = 256
}

/// An object that nobody finds any more, and whose file is still there.
private struct HiddenObject {
    let entry: CatalogEntry
    var hadNARInfo = false
}

extension NARDepot {
    /// Removes deltas, then the least recently used objects that nobody reads.
    ///
    /// - Parameter neededBytes: What is needed. Less is not worth an object: nothing goes then.
    /// - Returns: Whether there may be room now.
    /// - Throws: The failure of a file or the catalog.
    func evict(_ neededBytes: UInt64) throws -> Bool {
        // What can be made again goes before what may not.
        let freed = deltas.evict(neededBytes)
        guard freed < neededBytes else { return true }
        let blockBytes = neededBytes - freed
        flushUses()
        var chosen: [CatalogEntry] = []
        var sum: UInt64 = 0
        try forEachUnread { entry in
            chosen.append(entry)
            sum += entry.blockBytes
            return sum < blockBytes
        }
        guard sum >= blockBytes else { return false }
        let count = try depart(chosen, evenIfOpen: false).count
        logger.debug("evicted \(count) objects for \(blockBytes) bytes")
        return true
    }

    /// Goes through what nobody reads, in the order in which it should go, for as long as it is told
    /// to.
    func forEachUnread(_ body: (CatalogEntry) throws -> Bool) throws {
        var last: CatalogEntry?
        while true {
            let page = try catalog.leastRecentlyUsed(after: last, limit: last == nil ? 16 : 1024)
            for entry in page where !ledger.isReading(entry) {
                guard try body(entry) else { return }
            }
            guard let end = page.last else { return }
            last = end
        }
    }

    /// Removes objects, whatever moment the process is killed at.
    ///
    /// `evenIfOpen`: Also what is being read.
    /// `evenIfHeld`: Also what is in caches; by default as for what is being read, for what is damaged.
    /// - Returns: Those that went; what others removed before, or read, is not among them.
    @discardableResult
    func depart(
        _ entries: [CatalogEntry],
        evenIfOpen: Bool,
        evenIfHeld: Bool? = nil
    ) throws -> [CatalogEntry] {
        let evenIfHeld = evenIfHeld ?? evenIfOpen
        // Damaged: paths of caches may name it.
        defer { if evenIfHeld { changes.noteDeparture() } }
        return try departures.withLock { unsynced in
            var hidden: [HiddenObject] = []
            var gone: [CatalogEntry] = []
            do {
                for entry in entries where ledger.beginDeparture(entry, evenIfOpen: evenIfOpen) {
                    if let object = try hide(entry, evenIfHeld: evenIfHeld) {
                        hidden.append(object)
                    }
                }
                // No narinfo may come back with the power when its object does not.
                if hidden.contains(where: \.hadNARInfo) { try settle(&unsynced) }
                while let object = hidden.first {
                    try objects.remove(object.entry.key)
                    hidden.removeFirst()
                    ledger.endDeparture(object.entry)
                    unsynced.ids.insert(object.entry.id)
                    deltas.removeAll(making: object.entry.key)
                    gone.append(object.entry)
                    try onStep(.unlinked)
                }
            } catch {
                for object in hidden { restore(object) }
                throw error
            }
            if unsynced.ids.count >= UnsyncedDepartures.maximum { try settle(&unsynced) }
            return gone
        }
    }

    /// Makes an object impossible to find: its row first, then its narinfo.
    ///
    /// - Returns: `nil` when it was not to be found before.
    private func hide(_ entry: CatalogEntry, evenIfHeld: Bool) throws -> HiddenObject? {
        var hidden: HiddenObject?
        do {
            try narInfoLocks.withLock(entry.key.storeHash) {
                guard let row = try catalog.markDeparting(entry.id, evenIfHeld: evenIfHeld) else {
                    return
                }
                hidden = HiddenObject(entry: row)
                try onStep(.departureRecorded)
                guard try isNamedByNARInfo(entry.key) else { return }
                try objects.remove(.narInfo(entry.key.storeHash))
                hidden?.hadNARInfo = true
                try onStep(.narInfoRemoved)
            }
        } catch {
            if let hidden { restore(hidden) } else { ledger.cancelDeparture(entry) }
            throw error
        }
        if hidden == nil { ledger.cancelDeparture(entry) }
        return hidden
    }

    /// Shows an object again that could not be removed; a narinfo that went does not come back.
    private func restore(_ object: HiddenObject) {
        let entry = object.entry
        ledger.cancelDeparture(entry)
        narInfoLocks.withLock(entry.key.storeHash) {
            if object.hadNARInfo {
                ledger.forget(DiskBlocks.bytes(entry.record.narInfoSizeBytes))
                // Rows that are hidden do not count here, and no other of the path has a narinfo.
                _ = try? recountNARInfo(entry.key.storeHash)
            }
            try? catalog.markPresent(entry.id, deleting: [])
        }
    }

    private func settle(_ unsynced: inout UnsyncedDepartures) throws {
        try objects.sync()
        try catalog.delete(unsynced.ids)
        unsynced.ids = []
    }
}
