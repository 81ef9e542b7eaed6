// SPDX-License-Identifier: Apache-2.0
import Caches
import NixFormat
import Synchronization

/// Paths on their way into a cache, all of them one step at a time.
///
/// What `letGo()` finds undone is undone; the next start does what it cannot.
struct MemberAddition {
    private struct Item {
        let arrival: MemberArrival
        let key: ObjectKey
        var result: Membership?
        /// Whether the key is this writer's own.
        var isWriting = false
        var file: UploadedFile?
        var object: ObjectInfo?
        /// The object's row, as long as nobody holds it.
        var arriving: Int64?
        var kept: KeptNARInfo?
        var text: [UInt8] = []
        /// The path's row, as long as it cannot be seen.
        var member: Int64?

        var narInfo: NARInfo { arrival.narInfo }
        var hash: StorePathHash { key.storeHash }
        var textBlocks: UInt64 { DiskBlocks.bytes(UInt64(text.count)) }
    }

    private let depot: NARDepot
    private let cache: CacheName
    private let form: NARForm
    private var items: [Item]
    /// For narinfos, in whole blocks.
    private var reservedBytes: UInt64 = 0

    init(
        _ arrivals: [MemberArrival],
        to cache: CacheName,
        of depot: NARDepot,
        form: NARForm
    ) throws {
        self.depot = depot
        self.cache = cache
        self.form = form
        items = try arrivals.map { arrival in
            let key = try ObjectKey(
                storeHash: arrival.narInfo.storePath.hash,
                narHash: arrival.narInfo.narHash,
                form: form
            )
            return Item(arrival: arrival, key: key)
        }
    }

    /// After ``run()``.
    var results: [Membership] { items.map { $0.result ?? .changing } }

    mutating func run() throws {
        for index in items.indices { try findObject(index) }
        try refuseWhatLacks()
        try publish()
        try admit()
        try show()
    }

    /// Sees what is there already, and takes over what is not.
    private mutating func findObject(_ index: Int) throws {
        let (key, arrival) = (items[index].key, items[index].arrival)
        if let known = try depot.memberNARInfo(key.storeHash, in: cache) {
            items[index].result = try depot.update(known, with: arrival.narInfo, in: cache)
            return
        }
        guard depot.ledger.beginWriting(key) else {
            items[index].result = .changing
            return
        }
        items[index].isWriting = true
        if let entry = try depot.catalog.find(key), let object = try depot.complete(entry) {
            items[index].object = object
        } else if let upload = arrival.upload, upload.form == form, let file = upload.takeOver() {
            items[index].file = file
            items[index].object = ObjectInfo(
                key: key,
                sizeBytes: file.sizeBytes,
                fileHash: file.fileHash
            )
        } else {
            items[index].result = .narMissing
            return
        }
        guard let object = items[index].object, arrival.narInfo.describes(object) else {
            throw DepotError.describesAnotherNAR(key, arrival.narInfo.storePath)
        }
    }

    /// A look at what is missing costs nothing, and an object that came for nothing does.
    private mutating func refuseWhatLacks() throws {
        var there: Set<StorePathHash> = []
        for index in items.indices {
            if items[index].result == nil {
                let outside = items[index].arrival.required.subtracting(there)
                let present = try depot.catalog.present(outside, in: cache)
                if present.count < outside.count {
                    items[index].result = .lacking(outside.subtracting(present))
                }
            }
            if items[index].result?.isThere ?? true { there.insert(items[index].hash) }
        }
    }

    /// Gives the objects that came their names.
    private mutating func publish() throws {
        let coming = items.indices.filter { items[$0].result == nil && items[$0].file != nil }
        guard !coming.isEmpty else { return }
        // An eviction of the same key may have hidden it already and not removed its file yet.
        depot.departures.withLock { _ in }
        for index in coming { try items[index].file?.writer.finish() }
        let ids = try depot.catalog.insertArriving(
            coming.compactMap { items[$0].object },
            usedAt: depot.uses.now(),
            isClosed: true
        )
        for (index, id) in zip(coming, ids) { items[index].arriving = id }
        try depot.onStep(.arrivalRecorded)
        for index in coming { items[index].file?.writer.startShowing(as: items[index].key) }
        for index in coming {
            guard let file = items[index].file else { continue }
            try file.writer.show(as: items[index].key)
            items[index].file = nil
            items[index].arrival.upload?.settle()
            let blocks = DiskBlocks.bytes(file.sizeBytes)
            depot.ledger.store(blocks, objects: 1)
            if file.reservedBytes > blocks { depot.ledger.release(file.reservedBytes - blocks) }
        }
        try depot.objects.sync()
        try depot.onStep(.directorySynced)
    }

    /// Registers the paths: their rows hold the objects from the first moment.
    private mutating func admit() throws {
        let coming = items.indices.filter { items[$0].result == nil }
        guard !coming.isEmpty else { return }
        var candidates: [MemberCandidate] = []
        for index in coming {
            guard let object = items[index].object else { continue }
            let kept = KeptNARInfo(narInfo: items[index].narInfo.naming(object), object: object)
            items[index].kept = kept
            items[index].text = kept.narInfo.write(in: depot.configuration.storeDirectory)
            let now = depot.memberUses.now()
            let record = MemberRecord(
                key: object.key,
                sizeBytes: object.sizeBytes,
                narInfoSizeBytes: UInt64(items[index].text.count),
                createdAt: now,
                usedAt: now,
                references: Set(items[index].narInfo.references.map(\.hash))
            )
            let arrival = items[index].arrival
            candidates.append(
                MemberCandidate(
                    record,
                    requiring: arrival.required,
                    arriving: items[index].arriving
                )
            )
        }
        let blocks = coming.reduce(UInt64(0)) { $0 + items[$1].textBlocks }
        try depot.reserve(blocks, towards: blocks)
        reservedBytes = blocks
        for (index, admission) in zip(coming, try depot.catalog.admit(candidates, to: cache)) {
            try take(admission, index)
        }
    }

    private mutating func take(_ admission: Admission, _ index: Int) throws {
        if case .admitted(let id) = admission {
            items[index].member = id
            items[index].arriving = nil
            reservedBytes -= items[index].textBlocks
            depot.ledger.store(items[index].textBlocks)
            return
        }
        switch admission {
        case .admitted: break
        case .objectGone: items[index].result = .narMissing
        case .lacking(let hashes): items[index].result = .lacking(hashes)
        case .cacheGone: items[index].result = .cacheGone
        case .busy: items[index].result = .changing
        case .present:
            guard let known = try depot.memberNARInfo(items[index].hash, in: cache) else {
                items[index].result = .changing
                return
            }
            let narInfo = items[index].narInfo
            items[index].result = try depot.update(known, with: narInfo, in: cache)
        }
    }

    /// Writes the narinfos, dependencies first, then tells the catalog.
    private mutating func show() throws {
        let coming = items.indices.filter { items[$0].member != nil }
        guard !coming.isEmpty else { return }
        try depot.onStep(.memberRecorded)
        try depot.objects.replace(
            coming.map { (.ofCache(cache, .narInfo(items[$0].hash)), items[$0].text) }
        )
        var sizes: [Int64: UInt64] = [:]
        for index in coming {
            guard let id = items[index].member else { continue }
            sizes[id] = UInt64(items[index].text.count)
        }
        try depot.catalog.markMembersPresent(sizes)
        for index in coming {
            guard let kept = items[index].kept else { continue }
            items[index].member = nil
            items[index].result = .added(kept)
        }
        try? depot.onStep(.memberPresent)
    }

    /// Undoes what did not come to its end.
    mutating func letGo() {
        // What refers to others was admitted after them, and goes before them.
        withdraw(items.filter { $0.member != nil }.reversed())
        for index in items.indices {
            if let id = items[index].arriving, let object = items[index].object {
                discard(items[index], object, ifStillArriving: id)
            }
            if let file = items[index].file { items[index].arrival.upload?.giveBack(file) }
            if items[index].isWriting { depot.ledger.endWriting(items[index].key) }
        }
        if reservedBytes > 0 { depot.ledger.release(reservedBytes) }
        items.removeAll()
        reservedBytes = 0
    }

    /// Undoes admissions whose narinfos could not be written.
    private func withdraw(_ admitted: [Item]) {
        guard !admitted.isEmpty else { return }
        for item in admitted {
            guard (try? depot.objects.remove(.ofCache(cache, .narInfo(item.hash)))) != nil else {
                return
            }
        }
        guard (try? depot.objects.sync()) != nil,
            let unheld = try? depot.catalog.deleteMembers(Set(admitted.compactMap(\.member)))
        else { return }
        for item in admitted { depot.ledger.forget(item.textBlocks) }
        try? depot.letGo(unheld)
    }

    /// Removes an object that was not admitted; what cannot be removed now goes at the next start.
    private func discard(_ item: Item, _ object: ObjectInfo, ifStillArriving id: Int64) {
        let unsettled = (try? depot.catalog.unsettled()) ?? []
        // One that was admitted and withdrawn again is departing already.
        guard unsettled.contains(where: { $0.id == id && $0.state == .arriving }) else { return }
        // Its file may have its name or not, when that has failed; then it is not counted yet.
        if item.file == nil {
            let blocks = DiskBlocks.bytes(object.sizeBytes)
            depot.ledger.unstore(blocks)
            depot.ledger.release(blocks)
        }
        guard (try? depot.objects.remove(item.key)) != nil,
            (try? depot.objects.sync()) != nil
        else { return }
        try? depot.catalog.delete([id])
    }
}
