// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import Foundation
import NixFormat
import Synchronization

extension MemoryCatalog.State {
    fileprivate func member(_ hash: StorePathHash, _ cache: CacheName) -> MemberEntry? {
        members.values.first { $0.cache == cache && $0.hash == hash }
    }

    fileprivate func present(
        _ hashes: Set<StorePathHash>,
        _ cache: CacheName
    ) -> Set<StorePathHash> {
        hashes.filter { member($0, cache)?.state == .present }
    }

    fileprivate func present(in cache: CacheName) -> [MemberEntry] {
        members.values.filter { $0.cache == cache && $0.state == .present }
    }

    fileprivate func referrers(_ hash: StorePathHash, _ cache: CacheName) -> Set<StorePathHash> {
        let found = members.values.filter { entry in
            entry.cache == cache && entry.state != .departing && entry.hash != hash
                && entry.record.references.contains(hash)
        }
        return Set(found.map(\.hash))
    }

    fileprivate mutating func change(
        member id: Int64,
        _ state: ObjectState? = nil,
        _ body: (inout MemberRecord) -> Void = { _ in }
    ) {
        guard let entry = members[id] else { return }
        var record = entry.record
        body(&record)
        members[id] = MemberEntry(
            id: id,
            cache: entry.cache,
            state: state ?? entry.state,
            record: record
        )
    }

    fileprivate mutating func admit(
        _ candidate: MemberCandidate,
        to cache: CacheName,
        after before: Set<StorePathHash>
    ) -> Admission {
        let record = candidate.record
        if let known = member(record.key.storeHash, cache) {
            return known.state == .present ? .present(known.withoutReferences) : .busy
        }
        let outside = candidate.required.subtracting(before)
        let lacking = outside.subtracting(present(outside, cache))
        guard lacking.isEmpty else { return .lacking(lacking) }
        let object = rows.values.first { row in
            row.key == record.key
                && (row.state == .present || row.state == .arriving && row.id == candidate.arriving)
        }
        guard let object else { return .objectGone }
        change(object.id, state: .present)
        return .admitted(insert(record, to: cache, .arriving))
    }

    fileprivate mutating func insert(
        _ record: MemberRecord,
        to cache: CacheName,
        _ state: ObjectState
    ) -> Int64 {
        lastID += 1
        members[lastID] = MemberEntry(id: lastID, cache: cache, state: state, record: record)
        return lastID
    }

    fileprivate mutating func delete(members ids: some Sequence<Int64>) -> [CatalogEntry] {
        let keys = Set(ids.compactMap { members.removeValue(forKey: $0)?.record.key })
        return present.filter {
            keys.contains($0.key) && $0.record.isClosed && !isHeld($0.key)
        }
    }
}

/// As the catalog hands them out: what a path refers to is asked for by itself.
extension MemberEntry {
    fileprivate var withoutReferences: MemberEntry {
        var record = record
        record.references = []
        return MemberEntry(id: id, cache: cache, state: state, record: record)
    }
}

extension MemoryCatalog {
    func admit(_ candidates: [MemberCandidate], to cache: CacheName) throws -> [Admission] {
        guard try registry.findCache(cache) != nil else {
            return candidates.map { _ in .cacheGone }
        }
        return state.withLock { state in
            var before: Set<StorePathHash> = []
            return candidates.map { candidate in
                let admission = state.admit(candidate, to: cache, after: before)
                switch admission {
                case .admitted, .present: before.insert(candidate.record.key.storeHash)
                default: break
                }
                return admission
            }
        }
    }

    func markMembersPresent(_ narInfoSizesBytes: [Int64: UInt64]) throws {
        state.withLock { state in
            for (id, sizeBytes) in narInfoSizesBytes {
                state.change(member: id, .present) { $0.narInfoSizeBytes = sizeBytes }
            }
        }
    }

    func findMember(_ hash: StorePathHash, in cache: CacheName) throws -> MemberEntry? {
        let found = state.withLock { $0.member(hash, cache) }
        return found?.state == .present ? found?.withoutReferences : nil
    }

    func present(
        _ hashes: Set<StorePathHash>,
        in cache: CacheName
    ) throws -> Set<StorePathHash> { state.withLock { $0.present(hashes, cache) } }

    func listMembers(
        of cache: CacheName,
        after: StorePathHash?,
        limit: Int
    ) throws -> [MemberEntry] {
        let start = after.map { "\($0)" } ?? ""
        let rows = state.withLock { $0.present(in: cache) }
            .filter { "\($0.hash)" > start }.sorted { "\($0.hash)" < "\($1.hash)" }
        return rows.prefix(limit).map(\.withoutReferences)
    }

    func leastRecentlyUsedMembers(
        of cache: CacheName,
        after: MemberEntry?,
        limit: Int
    ) throws -> [MemberEntry] {
        let last = after.map { ($0.record.usedAt, $0.id) } ?? (-1, 0)
        let rows = state.withLock { $0.present(in: cache) }
            .filter { ($0.record.usedAt, $0.id) > last }
            .sorted { ($0.record.usedAt, $0.id) < ($1.record.usedAt, $1.id) }
        return rows.prefix(limit).map(\.withoutReferences)
    }

    func caches(holding key: ObjectKey) throws -> [CacheName] {
        let found = state.withLock { $0.members.values }
            .filter { $0.state == .present && $0.record.key == key }
        return Set(found.map(\.cache)).sorted()
    }

    func references(of hash: StorePathHash, in cache: CacheName) throws -> Set<StorePathHash> {
        state.withLock { $0.member(hash, cache)?.record.references.subtracting([hash]) ?? [] }
    }

    func referrers(of hash: StorePathHash, in cache: CacheName) throws -> Set<StorePathHash> {
        state.withLock { $0.referrers(hash, cache) }
    }

    func unsettledMembers() throws -> [MemberEntry] {
        state.withLock { $0.members.values.filter { $0.state != .present } }
            .map(\.withoutReferences)
    }

    func markDeparting(
        _ ids: [Int64],
        in cache: CacheName,
        usedBefore: Int64,
        keeping kept: Set<StorePathHash>
    ) throws -> [MemberEntry] {
        let now = Int64(Date().timeIntervalSince1970)
        return state.withLock { state in
            let pinned = (state.pins[cache] ?? []).flatMap { $0.kept(at: now) }.map(\.path.hash)
            let kept = kept.union(pinned)
            return ids.compactMap { id -> MemberEntry? in
                guard let entry = state.members[id], entry.cache == cache,
                    entry.state == .present, entry.record.usedAt < usedBefore,
                    !kept.contains(entry.hash), state.referrers(entry.hash, cache).isEmpty
                else { return nil }
                state.change(member: id, .departing)
                return entry.withoutReferences
            }
        }
    }

    func pins(of cache: CacheName) throws -> [Pin] { state.withLock { $0.pins[cache] ?? [] } }

    func changePins(
        of cache: CacheName,
        requiring hash: StorePathHash?,
        _ change: (inout [Pin]) -> Void
    ) throws -> [Pin]? {
        guard try registry.findCache(cache) != nil else { return nil }
        return state.withLock { state in
            if let hash, state.present([hash], cache).isEmpty { return nil }
            var pins = state.pins[cache] ?? []
            change(&pins)
            pins.sort { $0.name < $1.name }
            state.pins[cache] = pins
            return pins
        }
    }

    func deleteMembers(_ ids: Set<Int64>) throws -> [CatalogEntry] {
        state.withLock { $0.delete(members: ids) }
    }

    func deleteMembers(
        of cache: CacheName,
        limit: Int
    ) throws -> (objects: [CatalogEntry], textBlockBytes: UInt64)? {
        state.withLock { state in
            let rows = state.members.values.filter { $0.cache == cache }.prefix(limit)
            let extras = state.extras.removeValue(forKey: cache) ?? [:]
            guard !rows.isEmpty || !extras.isEmpty else { return nil }
            let sizes = rows.map(\.record.narInfoSizeBytes) + extras.values.map(\.sizeBytes)
            let texts = sizes.reduce(UInt64(0)) { $0 + DiskBlocks.bytes($1) }
            return (state.delete(members: rows.map(\.id)), texts)
        }
    }

    func setMemberUses(_ uses: [Int64: Int64]) throws {
        state.withLock { state in
            for (id, time) in uses {
                state.change(member: id) { $0.usedAt = max($0.usedAt, time) }
            }
        }
    }

    func setExtra(
        _ extra: CacheExtra,
        of cache: CacheName,
        sizeBytes: UInt64?,
        usedAt: Int64
    ) throws -> UInt64 {
        state.withLock { state in
            let before = state.extras[cache]?[extra]?.sizeBytes ?? 0
            state.extras[cache, default: [:]][extra] = sizeBytes.map { ($0, usedAt) }
            return before
        }
    }

    func extras(of cache: CacheName, before: Int64, limit: Int) throws -> [CacheExtra] {
        let found = state.withLock { $0.extras[cache] ?? [:] }.filter { $0.value.usedAt < before }
        return found.sorted { $0.value.usedAt < $1.value.usedAt }.prefix(limit).map(\.key)
    }

    func usage(of cache: CacheName) throws -> CacheUsage {
        state.withLock { state in
            let records = state.members.values.filter { $0.cache == cache }.map(\.record)
            let texts = (state.extras[cache] ?? [:]).values.map(\.sizeBytes)
            return CacheUsage(
                paths: records.count,
                sizeBytes: records.reduce(0) { $0 + $1.sizeBytes + $1.narInfoSizeBytes }
                    + texts.reduce(0, +)
            )
        }
    }

    func restore(_ members: [MemberRecord], of cache: CacheName) throws {
        state.withLock { state in
            for record in members { _ = state.insert(record, to: cache, .present) }
        }
    }
}
