// SPDX-License-Identifier: Apache-2.0
import Logging
import Synchronization

/// Rows of objects whose files are gone, but perhaps not from the disk yet.
///
/// They are deleted after the next sync of the directory: a row that went before its file did could
/// leave a file behind that nobody counts.
struct UnsyncedDepartures: ~Copyable {
    var ids: Set<Int64> = []
    /// Enough to make a sync of their own cheap in comparison.
    static let maximum = 256
}

extension NARDepot {
    /// Removes the least recently used object that nobody reads.
    ///
    /// - Returns: Whether room was made.
    func evict() throws -> Bool {
        flushUses()
        var last: CatalogEntry?
        while true {
            let candidates = try catalog.leastRecentlyUsed(after: last, limit: 16)
            guard !candidates.isEmpty else { return false }
            for candidate in candidates where try depart([candidate], evenIfOpen: false) > 0 {
                logger.debug("evicted: \(candidate.key), \(candidate.sizeBytes) bytes")
                return true
            }
            last = candidates.last
        }
    }

    /// Removes objects, whatever moment the process is killed at.
    ///
    /// - Returns: How many went; those that others removed before, or read, do not count.
    @discardableResult
    func depart(_ entries: [CatalogEntry], evenIfOpen: Bool) throws -> Int {
        try departures.withLock { unsynced in
            var count = 0
            for entry in entries where ledger.beginDeparture(entry, evenIfOpen: evenIfOpen) {
                do {
                    guard try catalog.markDeparting(entry.id) else {
                        ledger.cancelDeparture(entry)
                        continue
                    }
                    try onStep(.departureRecorded)
                    try objects.remove(entry.key)
                } catch {
                    ledger.cancelDeparture(entry)
                    try? catalog.markPresent(entry.id, deleting: [])
                    throw error
                }
                ledger.endDeparture(entry)
                unsynced.ids.insert(entry.id)
                count += 1
                try onStep(.unlinked)
            }
            if unsynced.ids.count >= UnsyncedDepartures.maximum { try settle(&unsynced) }
            return count
        }
    }

    private func settle(_ unsynced: inout UnsyncedDepartures) throws {
        try objects.sync()
        try catalog.delete(unsynced.ids)
        unsynced.ids = []
    }
}
