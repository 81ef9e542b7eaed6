// SPDX-License-Identifier: Apache-2.0
import Logging
package import NixFormat

extension NARDepot {
    /// The narinfo of a path, and the object that it names.
    ///
    /// - Returns: `nil` when there is none, it cannot be read as one, or its object is not here.
    package func narInfo(for hash: StorePathHash) throws -> KeptNARInfo? {
        guard try localRoom == nil || mayHave(hash),
            let text = try objects.read(.narInfo(hash))
        else { return nil }
        guard let narInfo = parse(text), let key = narInfo.objectKey else { return nil }
        if let object = try find(key), narInfo.describes(object) {
            return KeptNARInfo(narInfo: narInfo, object: object)
        }
        // An object that is just coming has its narinfo a moment before it can be found.
        return try narInfoLocks.withLock(hash) { try kept(hash) }
    }

    /// Whether the catalog knows an object of the path, so that a question about an unknown one
    /// asks nobody far away.
    private func mayHave(_ hash: StorePathHash) throws -> Bool {
        // No NAR has the hash that comes before all others.
        let zero = try NixHash(algorithm: .sha256, digest: [UInt8](repeating: 0, count: 32))
        let first = try ObjectKey(storeHash: hash, narHash: zero, form: .identity)
        return try catalog.list(after: first, limit: 1).first?.key.storeHash == hash
    }

    /// Adds signatures to the narinfo of a path; none is ever lost, whoever adds at the same time.
    ///
    /// - Returns: The narinfo as it is then; `nil` when there is none to add to.
    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)`, `DepotError.diskFull`, or the
    ///   failure of a file or the catalog; the narinfo is as before then.
    @discardableResult
    package func updateSignatures(
        of hash: StorePathHash,
        adding signatures: [Signature]
    ) throws -> KeptNARInfo? {
        try changeNARInfo(of: hash) { try kept(hash)?.adding(signatures) }
    }

    /// Gives an object that is here a narinfo, in place of the one that its path has.
    ///
    /// - Parameters:
    ///   - key: The object.
    ///   - narInfo: As for ``PendingObject/commit(describedBy:)``.
    /// - Returns: The narinfo as it is kept; `nil` when the object is not here.
    /// - Throws: `DepotError.describesAnotherNAR(_:_:)`, or as ``updateSignatures(of:adding:)``.
    @discardableResult
    package func describe(_ key: ObjectKey, by narInfo: NARInfo) throws -> KeptNARInfo? {
        // Also computes the file's hash where the catalog lacks it.
        guard let object = try find(key) else { return nil }
        guard narInfo.describes(object) else {
            throw DepotError.describesAnotherNAR(key, narInfo.storePath)
        }
        return try changeNARInfo(of: key.storeHash) {
            guard let object = try present(key) else { return nil }
            return KeptNARInfo(narInfo: narInfo.naming(object), object: object)
        }
    }

    /// Writes what `change` makes; it is called while nobody else changes this path's narinfo, and
    /// perhaps more than once.
    ///
    /// A narinfo that would not differ is not written.
    func changeNARInfo(
        of hash: StorePathHash,
        _ change: () throws -> KeptNARInfo?
    ) throws -> KeptNARInfo? {
        var reserved: UInt64 = 0
        defer { ledger.release(reserved) }
        while true {
            let step = try narInfoLocks.withLock(hash) { () throws -> Change in
                guard let new = try change() else { return .done(nil) }
                let text = new.narInfo.write(in: configuration.storeDirectory)
                guard try objects.read(.narInfo(hash)) != text else { return .done(new) }
                let needed = DiskBlocks.bytes(UInt64(text.count))
                guard needed <= reserved else { return .needs(needed) }
                guard let entry = try catalog.find(new.key) else { return .done(nil) }
                try write(text, of: entry, &reserved)
                return .done(new)
            }
            switch step {
            case .done(let kept): return kept
            case .needs(let needed):
                // Not while holding the lock: making room removes narinfos.
                try reserve(needed - reserved, towards: needed)
                reserved = needed
            }
        }
    }

    private enum Change: Sendable {
        case done(KeptNARInfo?)
        case needs(UInt64)
    }

    /// The row says the new length first: should the process end in between, it says too much rather
    /// than too little.
    private func write(
        _ text: [UInt8],
        of entry: CatalogEntry,
        _ reserved: inout UInt64
    ) throws {
        let hash = entry.key.storeHash
        let size = UInt64(text.count)
        let before = try catalog.setNARInfoSize(size, of: entry.id, among: hash)
        var after = DiskBlocks.bytes(size)
        defer {
            if after != before {
                ledger.store(after, replacing: before)
                reserved -= after
            }
        }
        do {
            try objects.replace(.narInfo(hash), with: text)
        } catch {
            after = (try? recountNARInfo(hash).after) ?? after
            throw error
        }
    }

    /// Makes the catalog say what the narinfo is; to be called with the lock on it.
    ///
    /// - Returns: What was counted for it until then, and what is counted now.
    @discardableResult
    func recountNARInfo(_ hash: StorePathHash) throws -> (before: UInt64, after: UInt64) {
        let text = try objects.read(.narInfo(hash))
        let key = text.flatMap { parse($0) }?.objectKey
        let entry = try key.flatMap { try catalog.find($0) }
        let size = entry == nil ? 0 : UInt64(text?.count ?? 0)
        let before = try catalog.setNARInfoSize(size, of: entry?.id, among: hash)
        return (before, DiskBlocks.bytes(size))
    }
}

// MARK: - With the lock on the narinfo

extension NARDepot {
    /// Whether the path's narinfo names this object.
    func isNamedByNARInfo(_ key: ObjectKey) throws -> Bool {
        guard let text = try objects.read(.narInfo(key.storeHash)) else { return false }
        return parse(text)?.objectKey == key
    }

    func parse(_ text: [UInt8]) -> NARInfo? {
        try? NARInfo(parsing: text, storeDirectory: configuration.storeDirectory)
    }

    /// As ``narInfo(for:)``, without repairing anything.
    private func kept(_ hash: StorePathHash) throws -> KeptNARInfo? {
        guard let text = try objects.read(.narInfo(hash)), let narInfo = parse(text),
            let key = narInfo.objectKey, let object = try present(key),
            narInfo.describes(object)
        else { return nil }
        return KeptNARInfo(narInfo: narInfo, object: object)
    }

    /// As ``find(_:)``, without repairing anything.
    private func present(_ key: ObjectKey) throws -> ObjectInfo? {
        guard let entry = try catalog.find(key), let hash = entry.record.fileHash,
            try objects.find(key)?.sizeBytes == entry.sizeBytes
        else { return nil }
        return ObjectInfo(key: key, sizeBytes: entry.sizeBytes, fileHash: hash)
    }
}

extension KeptNARInfo {
    fileprivate func adding(_ signatures: [Signature]) -> KeptNARInfo {
        KeptNARInfo(narInfo: narInfo.adding(signatures), object: object)
    }
}
