// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat

/// A path that is to be put into a cache.
package struct MemberArrival: Sendable {
    /// URL, compression, file hash and file size are filled in by the depot.
    package let narInfo: NARInfo
    /// Paths that have to be in the cache as well, or come before it; others are elsewhere.
    package let required: Set<StorePathHash>
    /// Its NAR, which is taken unless the depot has the same already; otherwise it stays whose it was.
    package let upload: (any UploadedObject)?

    package init(
        _ narInfo: NARInfo,
        requiring required: Set<StorePathHash>,
        from upload: (any UploadedObject)?
    ) {
        self.narInfo = narInfo
        self.required = required
        self.upload = upload
    }
}

/// What became of a path that was to be put into a cache.
package enum Membership: Sendable {
    case added(KeptNARInfo)
    /// It was there with the same NAR; signatures that are new were added.
    case updated(KeptNARInfo)
    /// It is there with another NAR, which stays.
    case conflict(KeptNARInfo)
    /// These paths that it refers to are not in the cache.
    case lacking(Set<StorePathHash>)
    /// Its NAR is not here, and was not handed in.
    case narMissing
    /// Somebody else is bringing or removing the same path or object: to be tried again.
    case changing
    case cacheGone

    /// Whether what refers to it may come now.
    var isThere: Bool {
        switch self {
        case .added, .updated: true
        case .conflict, .lacking, .narMissing, .changing, .cacheGone: false
        }
    }
}

extension NARDepot {
    /// Puts paths into a cache; they can be seen when this returns, and are on the disk.
    ///
    /// They become visible in their order, and with them the disk is waited for once. Whether the one
    /// who asks may, and whether the narinfos are true of the NARs, was looked at before.
    ///
    /// `cache`: A cache that is registered.
    /// `form`: That of the objects, which is also the uploads'.
    /// - Returns: What became of each, in their order.
    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)`, `DepotError.diskFull`, or the
    /// failure of a file or the catalog; then none was added.
    package func add(
        _ arrivals: [MemberArrival],
        to cache: CacheName,
        form: NARForm
    ) throws -> [Membership] {
        var addition = try MemberAddition(arrivals, to: cache, of: self, form: form)
        defer { addition.letGo() }
        try addition.run()
        return addition.results
    }

    /// Adds the signatures of a narinfo to the one that is there.
    func update(
        _ known: KeptNARInfo,
        with narInfo: NARInfo,
        in cache: CacheName
    ) throws -> Membership {
        guard known.narInfo.storePath == narInfo.storePath,
            known.narInfo.narHash == narInfo.narHash,
            known.narInfo.narSizeBytes == narInfo.narSizeBytes,
            Set(known.narInfo.references) == Set(narInfo.references)
        else { return .conflict(known) }
        let hash = known.key.storeHash
        let name = TextName.ofCache(cache, .narInfo(hash))
        return try narInfoLocks.withLock(hash) {
            guard let entry = try catalog.findMember(hash, in: cache),
                let now = try keptMember(entry)
            else { return .narMissing }
            let new = now.narInfo.adding(narInfo.signatures)
            guard new != now.narInfo else { return .updated(now) }
            let text = new.write(in: configuration.storeDirectory)
            let (before, after) = (
                DiskBlocks.bytes(entry.record.narInfoSizeBytes),
                DiskBlocks.bytes(UInt64(text.count))
            )
            // Signatures are short: more than a block of them is nobody's.
            guard after <= max(before, Self.largestNARInfoBytes) else { return .updated(now) }
            try objects.replace(name, with: text)
            try catalog.markMemberPresent(entry.id, narInfoSizeBytes: UInt64(text.count))
            ledger.correct(from: before, to: after)
            return .updated(KeptNARInfo(narInfo: new, object: now.object))
        }
    }

    private static let largestNARInfoBytes: UInt64 = 4096
}
