// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

extension NARDepot {
    /// An object that a check reads: protected from eviction, and not used.
    ///
    /// - Returns: `nil` when it has gone, or another has come under its key.
    func openForCheck(_ entry: CatalogEntry) throws -> OpenObject? {
        let stamp = ledger.departureCount
        guard try catalog.find(entry.key)?.id == entry.id,
            let reading = ledger.beginReading(entry, unlessDepartedSince: stamp)
        else { return nil }
        guard let contents = try objects.open(entry.key), contents.sizeBytes == entry.sizeBytes
        else { return nil }
        // A hash that nobody knows yet is computed by whoever wants it first.
        guard let fileHash = try entry.record.fileHash ?? find(entry.key)?.fileHash else {
            return nil
        }
        let info = ObjectInfo(key: entry.key, sizeBytes: entry.sizeBytes, fileHash: fileHash)
        return OpenObject(info: info, contents: contents, reading: reading)
    }

    /// Whether an object without a row has been one with a row a moment ago, or will be in one.
    func isJustGoing(_ key: ObjectKey) throws -> Bool {
        departures.withLock { _ in }
        if ledger.isWriting(key) { return true }
        return try catalog.find(key) != nil || objects.find(key) == nil
    }

    /// Takes an object into the catalog that is stored and has no row.
    ///
    /// - Returns: Whether it is there now; `false` when there is no room for it under the bound.
    func adopt(_ info: ObjectInfo) throws -> Bool {
        guard ledger.beginWriting(info.key) else { return false }
        defer { ledger.endWriting(info.key) }
        let bytes = DiskBlocks.bytes(info.sizeBytes)
        do {
            try reserve(bytes, towards: bytes)
        } catch DepotError.full {
            return false
        }
        do {
            guard try catalog.find(info.key) == nil,
                try objects.find(info.key)?.sizeBytes == info.sizeBytes
            else {
                ledger.release(bytes)
                return false
            }
            let id = try catalog.insertArriving(info, usedAt: uses.now())
            ledger.store(bytes, objects: 1)
            do {
                try catalog.markPresent(id, deleting: [])
            } catch {
                ledger.unstore(bytes)
                throw error
            }
        } catch {
            ledger.release(bytes)
            throw error
        }
        try recount(info.key.storeHash)
        return true
    }

    func removeUncatalogued(_ key: ObjectKey) throws -> Bool {
        guard ledger.beginWriting(key) else { return false }
        defer { ledger.endWriting(key) }
        guard try catalog.find(key) == nil else { return false }
        let freed: UInt64 = try narInfoLocks.withLock(key.storeHash) {
            guard try isNamedByNARInfo(key) else { return 0 }
            try objects.remove(.narInfo(key.storeHash))
            return try recountNARInfo(key.storeHash).before
        }
        ledger.forget(freed)
        try objects.sync()
        try objects.remove(key)
        try objects.sync()
        return true
    }

    /// Whether the row of an object says another length for the narinfo than it has.
    func isNARInfoMiscounted(_ key: ObjectKey) throws -> Bool {
        try narInfoLocks.withLock(key.storeHash) {
            guard let entry = try catalog.find(key) else { return false }
            let text = try objects.read(.narInfo(key.storeHash))
            let isNamed = text.flatMap { parse($0) }?.objectKey == key
            return entry.record.narInfoSizeBytes != (isNamed ? UInt64(text?.count ?? 0) : 0)
        }
    }

    /// Brings the catalog and the bound to what a narinfo really takes.
    ///
    /// What somebody else put there is counted even past the bound: it is there.
    func recount(_ hash: StorePathHash) throws {
        try narInfoLocks.withLock(hash) {
            let (before, after) = try recountNARInfo(hash)
            ledger.correct(from: before, to: after)
        }
    }

    func removeLeftover(_ path: String) throws -> Bool {
        try objects.removeLeftover(path)
        return true
    }
}
