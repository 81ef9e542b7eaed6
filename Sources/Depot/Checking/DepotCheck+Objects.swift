// SPDX-License-Identifier: Apache-2.0
import NixFormat

extension DepotCheck {
    func check(_ key: ObjectKey) throws {
        guard !depot.ledger.isWriting(key), let status = try depot.objects.find(key) else { return }
        let name = "nar/\(key)"
        summary.objects += 1
        guard let entry = try depot.catalog.find(key) else {
            try checkUncatalogued(key, name)
            return
        }
        guard entry.sizeBytes == status.sizeBytes else {
            try found(.damagedObject, name) { try remove(entry) }
            return
        }
        guard try contentsAreGood(entry, name) else { return }
        // What is there for caches alone has its narinfos there.
        if !entry.record.isClosed { try checkNARInfo(of: key, name) }
    }

    /// - Returns: Whether the object is still there.
    private func contentsAreGood(_ entry: CatalogEntry, _ name: String) throws -> Bool {
        guard let object = try depot.openForCheck(entry) else { return false }
        let hash = try object.computeHash()
        summary.readBytes += object.info.sizeBytes
        let isExpected = hash == object.info.fileHash
        let isNARGood = try isNARGood(object, hash)
        if isNARGood ?? isExpected {
            guard !isExpected else { return true }
            try found(.wrongFileHash, name) {
                try depot.catalog.setFileHash(hash, of: entry.id)
                return true
            }
            return true
        }
        try found(.damagedObject, name) { try remove(entry) }
        return !isRepairing
    }

    /// - Returns: `nil` when nobody can tell.
    private func isNARGood(_ object: OpenObject, _ fileHash: NixHash) throws -> Bool? {
        let key = object.info.key
        if key.form == .identity { return fileHash == key.narHash }
        return try verify?(object)
    }

    private func remove(_ entry: CatalogEntry) throws -> Bool {
        try depot.depart([entry], evenIfOpen: true).count == 1
    }

    private func checkNARInfo(of key: ObjectKey, _ name: String) throws {
        let hash = key.storeHash
        if try depot.objects.read(.narInfo(hash)) == nil {
            try found(.objectWithoutNARInfo, name)
        }
        guard try depot.isNARInfoMiscounted(key) else { return }
        try found(.miscountedNARInfo, "\(TextName.narInfo(hash))") {
            try depot.recount(hash)
            return true
        }
    }

    private func checkUncatalogued(_ key: ObjectKey, _ name: String) throws {
        guard try !depot.isJustGoing(key) else { return }
        guard let object = try depot.objects.open(key) else { return }
        let fileHash = try object.computeHash()
        summary.readBytes += object.sizeBytes
        guard key.form != .identity || fileHash == key.narHash else {
            try found(.damagedObject, name) { try depot.removeUncatalogued(key) }
            return
        }
        let info = ObjectInfo(key: key, sizeBytes: object.sizeBytes, fileHash: fileHash)
        if let verify {
            let open = OpenObject(info: info, contents: object, reading: nil)
            guard try verify(open) else {
                try found(.damagedObject, name) { try depot.removeUncatalogued(key) }
                return
            }
        }
        try found(.uncataloguedObject, name) { try depot.adopt(info) }
        if try depot.objects.read(.narInfo(key.storeHash)) == nil {
            try found(.objectWithoutNARInfo, name)
        }
    }
}

extension OpenObject {
    fileprivate func computeHash() throws -> NixHash { try contents.computeHash() }
}
