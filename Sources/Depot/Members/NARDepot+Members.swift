// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat
import Synchronization

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
    case cacheGone
}

extension NARDepot {
    /// Puts a path into a cache; it can be seen when this returns, and is on the disk.
    ///
    /// Whether the one who asks may, and whether the narinfo is true of the NAR, was looked at before.
    ///
    /// `narInfo`: URL, compression, file hash and file size are filled in here.
    /// `cache`: A cache that is registered.
    /// `references`: Paths that have to be in the cache as well; others are elsewhere.
    /// `upload`: Its NAR, which is taken unless the depot has the same already. Otherwise it stays
    /// the caller's.
    /// `form`: That of the object, which is also the upload's.
    /// - Throws: `DepotError.alreadyBeingWritten(_:)` when somebody else is just bringing the same
    /// object or path, to be tried again; `DepotError.full(neededBytes:maximumSizeBytes:)`,
    /// `DepotError.diskFull`, or the failure of a file or the catalog.
    package func add(
        _ narInfo: NARInfo,
        to cache: CacheName,
        requiring references: Set<StorePathHash>,
        from upload: PendingUpload?,
        form: NARForm
    ) throws -> Membership {
        let key = try ObjectKey(
            storeHash: narInfo.storePath.hash,
            narHash: narInfo.narHash,
            form: form
        )
        if let known = try memberNARInfo(key.storeHash, in: cache) {
            return try update(known, with: narInfo, in: cache)
        }
        guard ledger.beginWriting(key) else { throw DepotError.alreadyBeingWritten(key) }
        defer { ledger.endWriting(key) }
        if let entry = try catalog.find(key), let object = try complete(entry) {
            return try admit(narInfo, object, to: cache, references, arriving: nil)
        }
        guard let upload, upload.form == form else { return .narMissing }
        // An eviction of the same key may have hidden it already and not removed its file yet.
        departures.withLock { _ in }
        return try publish(upload, as: key, narInfo, cache, references)
    }

    private func publish(
        _ upload: PendingUpload,
        as key: ObjectKey,
        _ narInfo: NARInfo,
        _ cache: CacheName,
        _ references: Set<StorePathHash>
    ) throws -> Membership {
        var result = Membership.narMissing
        // A look at what is missing costs nothing, and an object that came for nothing does.
        let present = try catalog.present(references, in: cache)
        guard present.count == references.count else {
            return .lacking(references.subtracting(present))
        }
        let wasComplete = try upload.publish { writer, size, isTaken in
            let object = ObjectInfo(
                key: key,
                sizeBytes: size.sizeBytes,
                fileHash: size.fileHash
            )
            guard narInfo.describes(object) else {
                throw DepotError.describesAnotherNAR(key, narInfo.storePath)
            }
            let blocks = DiskBlocks.bytes(object.sizeBytes)
            let id = try catalog.insertArriving(object, usedAt: uses.now(), isClosed: true)
            do {
                try onStep(.arrivalRecorded)
                try writer.publish(as: key)
            } catch {
                if (try? objects.remove(key)) != nil { try? catalog.delete([id]) }
                throw error
            }
            isTaken = true
            ledger.store(blocks, objects: 1)
            defer { discard(key, ifStillArriving: id, blocks) }
            result = try admit(narInfo, object, to: cache, references, arriving: id)
        }
        return wasComplete ? result : .narMissing
    }

    /// Removes an object that was not admitted; what cannot be removed now goes at the next start.
    private func discard(_ key: ObjectKey, ifStillArriving id: Int64, _ blocks: UInt64) {
        let unsettled = (try? catalog.unsettled()) ?? []
        // One that was admitted and withdrawn again is departing already.
        guard unsettled.contains(where: { $0.id == id && $0.state == .arriving }) else { return }
        ledger.unstore(blocks)
        ledger.release(blocks)
        guard (try? objects.remove(key)) != nil, (try? objects.sync()) != nil else { return }
        try? catalog.delete([id])
    }

    /// Registers the path, then writes its narinfo: the row holds the object from the first moment.
    private func admit(
        _ narInfo: NARInfo,
        _ object: ObjectInfo,
        to cache: CacheName,
        _ references: Set<StorePathHash>,
        arriving: Int64?
    ) throws -> Membership {
        guard narInfo.describes(object) else {
            throw DepotError.describesAnotherNAR(object.key, narInfo.storePath)
        }
        let kept = KeptNARInfo(narInfo: narInfo.naming(object), object: object)
        let text = kept.narInfo.write(in: configuration.storeDirectory)
        let blocks = DiskBlocks.bytes(UInt64(text.count))
        let now = memberUses.now()
        let record = MemberRecord(
            key: object.key,
            sizeBytes: object.sizeBytes,
            narInfoSizeBytes: UInt64(text.count),
            createdAt: now,
            usedAt: now,
            references: Set(narInfo.references.map(\.hash))
        )
        try reserve(blocks, towards: blocks)
        let admission: Admission
        do {
            admission = try catalog.admit(
                record,
                to: cache,
                requiring: references,
                arriving: arriving
            )
        } catch {
            ledger.release(blocks)
            throw error
        }
        guard case .admitted(let id) = admission else {
            ledger.release(blocks)
            return try membership(of: admission, narInfo, cache)
        }
        ledger.store(blocks)
        do {
            try onStep(.memberRecorded)
            try objects.replace(.ofCache(cache, .narInfo(kept.key.storeHash)), with: text)
            try catalog.markMemberPresent(id, narInfoSizeBytes: UInt64(text.count))
        } catch {
            withdraw(id, kept.key.storeHash, cache, blocks)
            throw error
        }
        try? onStep(.memberPresent)
        return .added(kept)
    }

    private func membership(
        of admission: Admission,
        _ narInfo: NARInfo,
        _ cache: CacheName
    ) throws -> Membership {
        switch admission {
        case .admitted, .objectGone: return .narMissing
        case .lacking(let hashes): return .lacking(hashes)
        case .cacheGone: return .cacheGone
        case .busy: throw DepotError.pathIsChanging(narInfo.storePath)
        case .present:
            guard let known = try memberNARInfo(narInfo.storePath.hash, in: cache) else {
                throw DepotError.pathIsChanging(narInfo.storePath)
            }
            return try update(known, with: narInfo, in: cache)
        }
    }

    /// Undoes an admission whose narinfo could not be written; the next start does what fails here.
    private func withdraw(
        _ id: Int64,
        _ hash: StorePathHash,
        _ cache: CacheName,
        _ blocks: UInt64
    ) {
        guard (try? objects.remove(.ofCache(cache, .narInfo(hash)))) != nil,
            (try? objects.sync()) != nil,
            let unheld = try? catalog.deleteMembers([id])
        else { return }
        ledger.forget(blocks)
        try? letGo(unheld)
    }

    /// Adds the signatures of a narinfo to the one that is there.
    private func update(
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
            defer { changes.noteDeparture() }
            try objects.replace(name, with: text)
            try catalog.markMemberPresent(entry.id, narInfoSizeBytes: UInt64(text.count))
            ledger.correct(from: before, to: after)
            return .updated(KeptNARInfo(narInfo: new, object: now.object))
        }
    }

    private static let largestNARInfoBytes: UInt64 = 4096
}

extension NARDepot {
    /// The narinfo of a path in a cache, and the object that it names.
    ///
    /// - Returns: `nil` when it is not in this cache, or its narinfo or its object is gone.
    package func memberNARInfo(
        _ hash: StorePathHash,
        in cache: CacheName
    ) throws -> KeptNARInfo? {
        guard let entry = try catalog.findMember(hash, in: cache) else { return nil }
        return try keptMember(entry)
    }

    /// The same, as a use of the path.
    package func useMember(_ hash: StorePathHash, in cache: CacheName) throws -> KeptNARInfo? {
        try useMemberRow(hash, in: cache)?.kept
    }

    /// The same, with the number of the path's row.
    package func useMemberRow(
        _ hash: StorePathHash,
        in cache: CacheName
    ) throws -> (id: Int64, kept: KeptNARInfo)? {
        guard let entry = try catalog.findMember(hash, in: cache),
            let kept = try keptMember(entry)
        else { return nil }
        memberUses.note(entry.id, flushingWith: catalog, logger)
        return (entry.id, kept)
    }

    /// Notes that a path of a cache was used; never waits.
    ///
    /// Written down with the uses that are noted by other calls.
    package func noteUse(ofMemberRow id: Int64) { _ = memberUses.note(id) }

    /// Opens an object that a path of this cache names; `nil` when none does.
    package func openMember(_ key: ObjectKey, in cache: CacheName) throws -> OpenObject? {
        try openMemberRow(key, in: cache)?.object
    }

    /// The same, with the number of the path's row.
    package func openMemberRow(
        _ key: ObjectKey,
        in cache: CacheName
    ) throws -> (id: Int64, object: OpenObject)? {
        guard let entry = try catalog.findMember(key.storeHash, in: cache), entry.record.key == key
        else { return nil }
        memberUses.note(entry.id, flushingWith: catalog, logger)
        return try openAny(key).map { (entry.id, $0) }
    }

    /// Which of these paths are in a cache, each as a use of it.
    package func useMembers(
        among hashes: Set<StorePathHash>,
        in cache: CacheName
    ) throws -> Set<StorePathHash> {
        try hashes.filter { try useMember($0, in: cache) != nil }
    }

    /// The caches in which a path names this object.
    package func caches(holding key: ObjectKey) throws -> [CacheName] {
        try catalog.caches(holding: key)
    }

    private func keptMember(_ entry: MemberEntry) throws -> KeptNARInfo? {
        let name = TextName.ofCache(entry.cache, .narInfo(entry.hash))
        guard let text = try objects.read(name), let narInfo = parse(text),
            narInfo.objectKey == entry.record.key, let row = try catalog.find(entry.record.key),
            let object = try complete(row)
        else { return nil }
        return KeptNARInfo(narInfo: narInfo, object: object)
    }
}
