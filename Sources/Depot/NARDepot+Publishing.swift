// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

extension NARDepot {
    /// Takes room for something, evicting what was used least recently.
    ///
    /// - Parameters:
    ///   - blockBytes: What it needs in addition.
    ///   - total: What it needs altogether.
    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)` when there is no such room, or
    ///   what an eviction throws.
    func reserve(_ blockBytes: UInt64, towards total: UInt64) throws {
        let maximum = configuration.maximumSizeBytes
        // Hopeless cases evict nothing.
        guard total <= maximum else {
            throw DepotError.full(neededBytes: total, maximumSizeBytes: maximum)
        }
        while true {
            let missing = ledger.reserve(blockBytes)
            guard missing > 0 else { return }
            guard try evict(missing) else {
                throw DepotError.full(neededBytes: total, maximumSizeBytes: maximum)
            }
        }
    }

    /// The narinfo that is kept for an object.
    func text(of narInfo: NARInfo, naming object: ObjectInfo) throws -> [UInt8] {
        guard narInfo.describes(object) else {
            throw DepotError.describesAnotherNAR(object.key, narInfo.storePath)
        }
        return narInfo.naming(object).write(in: configuration.storeDirectory)
    }

    /// Gives a finished object its name, its narinfo and its row; all is reserved.
    ///
    /// The row comes first, marked as arriving and durable, so that whatever a crash leaves is known
    /// by looking at a few rows instead of a whole directory. The narinfo comes after the object's
    /// name is on the disk, so that it never names nothing.
    func publish(
        _ info: ObjectInfo,
        from writer: any ObjectWriting,
        describedBy text: [UInt8]
    ) throws {
        let hash = info.key.storeHash
        let textBytes = UInt64(text.count)
        let blocks = DiskBlocks.bytes(info.sizeBytes) + DiskBlocks.bytes(textBytes)
        if let entry = try catalog.find(info.key), entry.record.isClosed {
            return try reveal(entry, insteadOf: writer, blocks, describedBy: text)
        }
        let id = try catalog.insertArriving(info, usedAt: uses.now())
        do {
            try onStep(.arrivalRecorded)
            let gone = departures.withLock { $0.ids }
            try writer.publish()
            try narInfoLocks.withLock(hash) {
                try objects.replace(.narInfo(hash), with: text)
                ledger.forget(try catalog.setNARInfoSize(textBytes, of: id, among: hash))
                // Counted before it can be found, for from then on it can be removed.
                ledger.store(blocks, objects: 1)
                do {
                    try catalog.markPresent(id, deleting: gone)
                } catch {
                    ledger.unstore(blocks)
                    throw error
                }
            }
            departures.withLock { $0.ids.subtract(gone) }
        } catch {
            undo(info.key, id)
            throw error
        }
        ledger.endWriting(info.key)
        changes.noteArrival(info.key)
        try? onStep(.presenceRecorded)
    }

    /// Shows an object to everybody that caches brought here first, in place of writing it again.
    ///
    /// `blocks`: What is reserved for the one that was written.
    private func reveal(
        _ entry: CatalogEntry,
        insteadOf writer: any ObjectWriting,
        _ blocks: UInt64,
        describedBy text: [UInt8]
    ) throws {
        let hash = entry.key.storeHash
        guard let object = try complete(entry), let described = parse(text),
            described.describes(object)
        else { throw DepotError.alreadyStored(entry.key) }
        let text = described.naming(object).write(in: configuration.storeDirectory)
        let textBlocks = DiskBlocks.bytes(UInt64(text.count))
        guard textBlocks <= blocks else { throw DepotError.alreadyStored(entry.key) }
        try narInfoLocks.withLock(hash) {
            guard try catalog.markOpen(entry.id) else { throw DepotError.alreadyStored(entry.key) }
            try objects.replace(.narInfo(hash), with: text)
            ledger.forget(try catalog.setNARInfoSize(UInt64(text.count), of: entry.id, among: hash))
            ledger.store(textBlocks)
        }
        ledger.release(blocks - textBlocks)
        writer.abandon()
        ledger.endWriting(entry.key)
        changes.noteArrival(entry.key)
    }

    /// Removes what a failed commit has left; the narinfo before it is not brought back.
    ///
    /// Each of these may fail as well, on a full disk for one; the next start sees the row.
    private func undo(_ key: ObjectKey, _ id: Int64) {
        let hash = key.storeHash
        narInfoLocks.withLock(hash) {
            guard (try? isNamedByNARInfo(key)) ?? true else { return }
            guard (try? objects.remove(.narInfo(hash))) != nil,
                let freed = try? catalog.setNARInfoSize(0, of: nil, among: hash)
            else { return }
            ledger.forget(freed)
        }
        try? objects.remove(key)
        try? catalog.delete([id])
    }
}
