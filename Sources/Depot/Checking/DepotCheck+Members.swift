// SPDX-License-Identifier: Apache-2.0
import Caches
import NixFormat

extension DepotCheck {
    /// The narinfo of a path in a cache; one that is no good is removed with its row, so that the path
    /// can be pushed again.
    func check(member hash: StorePathHash, of cache: CacheName) throws {
        let name = "\(TextName.ofCache(cache, .narInfo(hash)))"
        summary.narInfos += 1
        // A path that is just coming or going has, or had, its narinfo without being found.
        guard let entry = try depot.catalog.findMember(hash, in: cache) else { return }
        guard let (narInfo, row) = try depot.peek(at: entry) else {
            return try found(.danglingNARInfo, name) {
                try depot.remove(damagedMember: hash, of: cache)
            }
        }
        guard try hasRightSize(narInfo, row) else {
            return try found(.wrongNARSize, name) { try depot.hide([hash], from: cache) }
        }
        guard let key = publicKeys[cache] else { return }
        let fingerprint = narInfo.fingerprint(in: depot.configuration.storeDirectory)
        guard !narInfo.signatures.contains(where: { key.verifies($0, of: fingerprint) }) else {
            return
        }
        try found(.unsignedNARInfo, name)
    }

    /// Paths of caches that the catalog knows and nobody can see.
    func checkMemberRows() throws {
        for cache in publicKeys.keys.sorted() {
            try depot.forEachMember(of: cache) { entry, _ in
                let text = TextName.ofCache(cache, .narInfo(entry.hash))
                guard try depot.objects.read(text) == nil,
                    try depot.catalog.findMember(entry.hash, in: cache)?.id == entry.id
                else { return }
                try found(.missingNARInfo, "\(text)") {
                    try depot.remove(damagedMember: entry.hash, of: cache)
                }
            }
        }
    }

    /// Whether the NAR in an object is as long as the narinfo says, as far as anybody can tell.
    func hasRightSize(_ narInfo: NARInfo, _ row: CatalogEntry) throws -> Bool {
        guard let narSizeBytes, let object = try depot.openForCheck(row),
            let sizeBytes = try narSizeBytes(object)
        else { return true }
        return sizeBytes == narInfo.narSizeBytes
    }
}

extension NARDepot {
    /// What can be seen of a path of a cache; unlike those who use it, this changes nothing about
    /// what is damaged.
    func peek(at entry: MemberEntry) throws -> (narInfo: NARInfo, row: CatalogEntry)? {
        let name = TextName.ofCache(entry.cache, .narInfo(entry.hash))
        guard let narInfo = try objects.read(name).flatMap({ parse($0) }),
            narInfo.objectKey == entry.record.key,
            let row = try catalog.find(entry.record.key),
            try objects.find(row.key)?.sizeBytes == row.sizeBytes
        else { return nil }
        return (narInfo, row)
    }
}
