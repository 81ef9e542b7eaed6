// SPDX-License-Identifier: Apache-2.0
import Caches
import Logging
import NixFormat

extension DepotOpener {
    /// Takes every cache with a document, and every narinfo in its folder, into a catalog that was
    /// just made.
    ///
    /// Tokens are nowhere but in the catalog: those of a lost one are gone.
    func rebuildCaches() throws -> Int {
        var count = 0
        for name in try objects.listCaches() {
            guard let text = try objects.read(.ofCache(name, .document)) else { continue }
            guard let cache = try? NamedCache(document: text), cache.name == name else {
                logger.error(
                    "not the document of a cache, and left alone: caches/\(name)/cache.json"
                )
                continue
            }
            guard try catalog.insert(cache) else { continue }
            count += try restoreMembers(of: name)
            if let text = try objects.read(.ofCache(name, .pins)),
                let pins = try? PinDocument.parse(text)
            {
                _ = try catalog.changePins(of: name, requiring: nil) { $0 = pins }
            }
        }
        if count > 0 {
            logger.notice("found \(count) paths in caches; tokens have to be made again")
        }
        return count
    }

    private func restoreMembers(of cache: CacheName) throws -> Int {
        var records: [MemberRecord] = []
        try objects.forEachText(of: cache) { text in
            switch text {
            case .narInfo(let hash):
                guard let record = try member(hash, of: cache) else { return }
                records.append(record)
            case .extra(let extra):
                let bytes = try objects.read(.ofCache(cache, text))?.count ?? 0
                _ = try catalog.setExtra(extra, of: cache, sizeBytes: UInt64(bytes), usedAt: 1)
            case .document, .pins, .cacheInfo: break
            }
        }
        try catalog.restore(records, of: cache)
        return records.count
    }

    /// What a narinfo of a cache says; `nil` when it names no object that is here.
    private func member(_ hash: StorePathHash, of cache: CacheName) throws -> MemberRecord? {
        guard let text = try objects.read(.ofCache(cache, .narInfo(hash))),
            let narInfo = try? NARInfo(
                parsing: text,
                storeDirectory: configuration.storeDirectory
            ),
            narInfo.storePath.hash == hash, let key = narInfo.objectKey,
            let status = try objects.find(key)
        else { return nil }
        return MemberRecord(
            key: key,
            sizeBytes: status.sizeBytes,
            narInfoSizeBytes: UInt64(text.count),
            createdAt: status.modifiedAt,
            usedAt: status.modifiedAt,
            references: Set(narInfo.references.map(\.hash))
        )
    }

    /// Finishes paths of caches that were coming or going when the process ended.
    ///
    /// The narinfo is the last thing that comes, and the first that goes. Of paths that came together
    /// a loss of power may have kept any: without what it refers to, none stays.
    ///
    /// - Returns: How many there were.
    func settleMembers() throws -> Int {
        let unsettled = try catalog.unsettledMembers()
        var arrived: [Int64: (entry: MemberEntry, record: MemberRecord)] = [:]
        var lost: [MemberEntry] = []
        for entry in unsettled {
            let record = try member(entry.hash, of: entry.cache)
            if entry.state == .arriving, let record, record.key == entry.record.key {
                arrived[entry.id] = (entry, record)
            } else {
                lost.append(entry)
            }
        }
        var gone: Set<Int64> = []
        while let entry = lost.popLast() {
            try objects.remove(.ofCache(entry.cache, .narInfo(entry.hash)))
            gone.insert(entry.id)
            let above = arrived.values.filter { other in
                other.entry.cache == entry.cache && other.record.references.contains(entry.hash)
            }
            for other in above {
                arrived[other.entry.id] = nil
                lost.append(other.entry)
            }
        }
        try catalog.markMembersPresent(arrived.mapValues(\.record.narInfoSizeBytes))
        if !unsettled.isEmpty {
            try objects.sync()
            // Their objects are held by nobody now: they make room like any other.
            _ = try catalog.deleteMembers(gone)
        }
        try finishDeletions()
        return unsettled.count
    }

    /// A cache without a registration is one whose deletion did not come to its end.
    private func finishDeletions() throws {
        let known = Set(try catalog.listCaches().map(\.name))
        for name in try objects.listCaches() where !known.contains(name) {
            if try objects.read(.ofCache(name, .document)) != nil { continue }
            while try catalog.deleteMembers(of: name, limit: 1000) != nil {}
            try objects.removeCache(name)
        }
    }
}
