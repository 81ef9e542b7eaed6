// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import NixFormat
import Synchronization

/// Rows in a dictionary.
final class MemoryCatalog: Catalog {
    struct State {
        var rows: [Int64: CatalogEntry] = [:]
        var lastID: Int64 = 0
        var isComplete = false
        var members: [Int64: MemberEntry] = [:]
        var pins: [CacheName: [Pin]] = [:]
        var extras: [CacheName: [CacheExtra: (sizeBytes: UInt64, usedAt: Int64)]] = [:]

        var present: [CatalogEntry] { rows.values.filter { $0.state == .present } }

        func isHeld(_ key: ObjectKey) -> Bool {
            members.values.contains { $0.record.key == key }
        }

        mutating func insert(_ record: CatalogRecord, _ state: ObjectState) -> Int64 {
            for row in rows.values where row.key == record.key { rows[row.id] = nil }
            lastID += 1
            rows[lastID] = CatalogEntry(id: lastID, state: state, record: record)
            return lastID
        }

        mutating func change(
            _ id: Int64,
            state: ObjectState? = nil,
            _ body: (inout CatalogRecord) -> Void = { _ in }
        ) {
            guard let row = rows[id] else { return }
            var record = row.record
            body(&record)
            rows[id] = CatalogEntry(id: id, state: state ?? row.state, record: record)
        }
    }

    let state = Mutex(State())
    let registry = MemoryRegistry()

    func isComplete() throws -> Bool { state.withLock { $0.isComplete } }

    func rebuild(_ scan: ((CatalogRecord) throws -> Void) throws -> Void) throws {
        var records: [CatalogRecord] = []
        try scan { records.append($0) }
        let found = records
        state.withLock { state in
            state.rows = [:]
            for var record in found {
                record.isClosed = state.isHeld(record.key) && record.narInfoSizeBytes == 0
                _ = state.insert(record, .present)
            }
            state.isComplete = true
        }
    }

    func totals() throws -> CatalogTotals {
        state.withLock { state in
            let present = state.present
            let members = state.members.values.map(\.record)
            let texts =
                members.map(\.narInfoSizeBytes)
                + state.extras.values.flatMap { $0.values.map(\.sizeBytes) }
            return CatalogTotals(
                objects: present.count,
                blockBytes: present.reduce(0) { $0 + $1.blockBytes }
                    + texts.reduce(0) { $0 + DiskBlocks.bytes($1) },
                lastUsedAt: (present.map(\.record.usedAt) + members.map(\.usedAt)).max() ?? 0
            )
        }
    }

    func find(_ key: ObjectKey) throws -> CatalogEntry? {
        state.withLock { $0.present.first { $0.key == key } }
    }

    func list(after: ObjectKey?, limit: Int) throws -> [CatalogEntry] {
        let start = after.map { "\($0)" } ?? ""
        let rows = state.withLock { $0.present }.filter { "\($0.key)" > start }
        return Array(rows.sorted { "\($0.key)" < "\($1.key)" }.prefix(limit))
    }

    func leastRecentlyUsed(after last: CatalogEntry?, limit: Int) throws -> [CatalogEntry] {
        let rows = state.withLock { state in
            state.present.filter { !state.isHeld($0.key) }.sorted { $0.age < $1.age }
        }
        guard let last else { return Array(rows.prefix(limit)) }
        return Array(rows.drop { $0.age <= last.age }.prefix(limit))
    }

    func unsettled() throws -> [CatalogEntry] {
        state.withLock { $0.rows.values.filter { $0.state != .present } }
    }

    func insertArriving(
        _ objects: [ObjectInfo],
        usedAt: Int64,
        isClosed: Bool
    ) throws -> [Int64] {
        objects.map { info in
            let record = CatalogRecord(
                key: info.key,
                sizeBytes: info.sizeBytes,
                fileHash: info.fileHash,
                narInfoSizeBytes: 0,
                usedAt: usedAt,
                isClosed: isClosed
            )
            return state.withLock { $0.insert(record, .arriving) }
        }
    }

    func markOpen(_ id: Int64) throws -> Bool {
        state.withLock { state in
            guard state.rows[id]?.state == .present else { return false }
            state.change(id) { $0.isClosed = false }
            return true
        }
    }

    func markPresent(_ id: Int64, deleting gone: Set<Int64>) throws {
        state.withLock { state in
            state.change(id, state: .present)
            for id in gone { state.rows[id] = nil }
        }
    }

    func markDeparting(_ id: Int64, evenIfHeld: Bool) throws -> CatalogEntry? {
        state.withLock { state in
            guard let row = state.rows[id], row.state == .present,
                evenIfHeld || !state.isHeld(row.key)
            else { return nil }
            state.change(id, state: .departing)
            return row
        }
    }

    func delete(_ ids: Set<Int64>) throws {
        state.withLock { state in for id in ids { state.rows[id] = nil } }
    }

    func setNARInfoSize(
        _ sizeBytes: UInt64,
        of id: Int64?,
        among storeHash: StorePathHash
    ) throws -> UInt64 {
        state.withLock { state in
            var before: UInt64 = 0
            for row in state.rows.values where row.key.storeHash == storeHash {
                if row.state == .present { before += DiskBlocks.bytes(row.record.narInfoSizeBytes) }
                state.change(row.id) { $0.narInfoSizeBytes = row.id == id ? sizeBytes : 0 }
            }
            return before
        }
    }

    func setFileHash(_ hash: NixHash, of id: Int64) throws {
        state.withLock { $0.change(id) { $0.fileHash = hash } }
    }

    func setUses(_ uses: [Int64: Int64]) throws {
        state.withLock { state in
            for (id, time) in uses { state.change(id) { $0.usedAt = time } }
        }
    }
}

extension MemoryCatalog {
    func insert(_ cache: NamedCache) throws -> Bool { try registry.insert(cache) }
    func findCache(_ name: CacheName) throws -> NamedCache? { try registry.findCache(name) }
    func listCaches() throws -> [NamedCache] { try registry.listCaches() }
    func update(_ cache: NamedCache) throws -> Bool { try registry.update(cache) }
    func deleteCache(_ name: CacheName) throws -> Bool { try registry.deleteCache(name) }
    func insert(_ token: AccessToken) throws -> Bool { try registry.insert(token) }
    func findToken(_ digest: TokenDigest) throws -> AccessToken? { try registry.findToken(digest) }
    func listTokens() throws -> [AccessToken] { try registry.listTokens() }
    func deleteToken(_ id: TokenID) throws -> AccessToken? { try registry.deleteToken(id) }
}
