// SPDX-License-Identifier: Apache-2.0
package import Caches
import Foundation
import GRDB
package import NixFormat

extension SQLiteCatalog {
    package func admit(
        _ candidates: [MemberCandidate],
        to cache: CacheName
    ) throws -> [Admission] {
        try write(.durable) { database in
            guard try Self.exists(cache, database) else {
                return candidates.map { _ in .cacheGone }
            }
            var before: Set<StorePathHash> = []
            return try candidates.map { candidate in
                let admission = try Self.admit(candidate, to: cache, after: before, database)
                switch admission {
                case .admitted, .present: before.insert(candidate.record.key.storeHash)
                case .busy, .lacking, .objectGone, .cacheGone: break
                }
                return admission
            }
        }
    }

    package func markMembersPresent(_ narInfoSizesBytes: [Int64: UInt64]) throws {
        try write(.lazy) { database in
            let statement = try database.cachedStatement(
                sql: "UPDATE member SET state = 0, narinfo_size_bytes = ? WHERE id = ?"
            )
            for (id, sizeBytes) in narInfoSizesBytes {
                try statement.execute(arguments: [Int64(sizeBytes), id])
            }
        }
    }

    package func markDeparting(
        _ ids: [Int64],
        in cache: CacheName,
        usedBefore: Int64,
        keeping kept: Set<StorePathHash>
    ) throws -> [MemberEntry] {
        try write(.durable) { database in
            let find = try database.cachedStatement(
                sql: """
                    SELECT \(Self.memberColumns) FROM member
                    WHERE id = ? AND cache = ? AND state = 0 AND used_at < ?
                    """
            )
            let mark = try database.cachedStatement(
                sql: "UPDATE member SET state = 2 WHERE id = ?"
            )
            let now = Int64(Date().timeIntervalSince1970)
            let pinned = Set(
                try Self.pins(of: cache, database).flatMap { $0.kept(at: now) }.map(\.path.hash)
            )
            var marked: [MemberEntry] = []
            for id in ids {
                let arguments: StatementArguments = [id, "\(cache)", usedBefore]
                guard let row = try Row.fetchOne(find, arguments: arguments) else { continue }
                let entry = try Self.memberEntry(row)
                guard !kept.contains(entry.hash), !pinned.contains(entry.hash),
                    try Self.referrers(entry.hash, cache, database, limit: 1).isEmpty
                else { continue }
                try mark.execute(arguments: [id])
                marked.append(entry)
            }
            return marked
        }
    }

    package func deleteMembers(_ ids: Set<Int64>) throws -> [CatalogEntry] {
        try write(.lazy) { try Self.deleteMembers(ids, $0) }
    }

    package func deleteMembers(
        of cache: CacheName,
        limit: Int
    ) throws -> (objects: [CatalogEntry], textBlockBytes: UInt64)? {
        try write(.lazy) { database in
            let name = "\(cache)"
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT id, narinfo_size_bytes FROM member WHERE cache = ? LIMIT ?",
                arguments: [name, limit]
            )
            var texts = rows.reduce(UInt64(0)) { $0 + DiskBlocks.bytes(UInt64($1[1] as Int64)) }
            let objects = try Self.deleteMembers(Set(rows.map { $0[0] as Int64 }), database)
            let extras = try Row.fetchAll(
                database,
                sql: "SELECT name, size_bytes FROM cache_extra WHERE cache = ? LIMIT ?",
                arguments: [name, limit]
            )
            for row in extras {
                texts += DiskBlocks.bytes(UInt64(row[1] as Int64))
                try database.execute(
                    sql: "DELETE FROM cache_extra WHERE cache = ? AND name = ?",
                    arguments: [name, row[0] as String]
                )
            }
            return rows.isEmpty && extras.isEmpty ? nil : (objects, texts)
        }
    }

    package func setMemberUses(_ uses: [Int64: Int64]) throws {
        try write(.lazy) { database in
            let statement = try database.cachedStatement(
                sql: "UPDATE member SET used_at = ? WHERE id = ? AND used_at < ?"
            )
            for (id, time) in uses { try statement.execute(arguments: [time, id, time]) }
        }
    }

    package func setExtra(
        _ extra: CacheExtra,
        of cache: CacheName,
        sizeBytes: UInt64?,
        usedAt: Int64
    ) throws -> UInt64 {
        try write(.lazy) { database in
            let place: StatementArguments = ["\(cache)", "\(extra)"]
            let before = try Int64.fetchOne(
                database,
                sql: "SELECT size_bytes FROM cache_extra WHERE cache = ? AND name = ?",
                arguments: place
            )
            if let sizeBytes {
                try database.execute(
                    sql: """
                        INSERT OR REPLACE INTO cache_extra (cache, name, size_bytes, used_at)
                        VALUES (?, ?, ?, ?)
                        """,
                    arguments: place + [Int64(sizeBytes), usedAt]
                )
            } else {
                try database.execute(
                    sql: "DELETE FROM cache_extra WHERE cache = ? AND name = ?",
                    arguments: place
                )
            }
            return UInt64(before ?? 0)
        }
    }

    package func restore(_ members: [MemberRecord], of cache: CacheName) throws {
        try write(.durable) { database in
            for record in members {
                _ = try Self.insert(record, to: cache, .present, database)
            }
        }
    }

    package func pins(of cache: CacheName) throws -> [Pin] {
        try read { try Self.pins(of: cache, $0) }
    }

    package func changePins(
        of cache: CacheName,
        requiring hash: StorePathHash?,
        _ change: (inout [Pin]) -> Void
    ) throws -> [Pin]? {
        try write(.durable) { database in
            guard try Self.exists(cache, database) else { return nil }
            if let hash, try Self.present([hash], cache, database).isEmpty { return nil }
            var pins = try Self.pins(of: cache, database)
            change(&pins)
            pins.sort { $0.name < $1.name }
            try database.execute(
                sql: "UPDATE cache SET pins = ? WHERE name = ?",
                arguments: [Data(PinDocument.write(pins)), "\(cache)"]
            )
            return pins
        }
    }

    // MARK: In a transaction

    /// `before`: Paths of the same transaction.
    private static func admit(
        _ candidate: MemberCandidate,
        to cache: CacheName,
        after before: Set<StorePathHash>,
        _ database: Database
    ) throws -> Admission {
        let record = candidate.record
        if let known = try member(record.key.storeHash, cache, database) {
            return known.state == .present ? .present(known) : .busy
        }
        let outside = candidate.required.subtracting(before)
        let present = try present(outside, cache, database)
        guard present.count == outside.count else {
            return .lacking(outside.subtracting(present))
        }
        let object = "\(record.key)"
        let hold = try database.cachedStatement(
            sql: """
                UPDATE object SET state = 0 WHERE name = ? AND (state = 0 OR state = 1 AND id = ?)
                """
        )
        try hold.execute(arguments: [object, candidate.arriving])
        guard database.changesCount == 1 else { return .objectGone }
        let id = try insert(record, to: cache, .arriving, database)
        try countHolders(of: [object], database)
        return .admitted(id)
    }

    private static func pins(of cache: CacheName, _ database: Database) throws -> [Pin] {
        let statement = try database.cachedStatement(sql: "SELECT pins FROM cache WHERE name = ?")
        guard let row = try Row.fetchOne(statement, arguments: ["\(cache)"]),
            let document: Data = row[0]
        else { return [] }
        return try PinDocument.parse(Array(document))
    }

    private static func exists(_ cache: CacheName, _ database: Database) throws -> Bool {
        let statement = try database.cachedStatement(sql: "SELECT 1 FROM cache WHERE name = ?")
        return try Int.fetchOne(statement, arguments: ["\(cache)"]) != nil
    }

    private static func insert(
        _ record: MemberRecord,
        to cache: CacheName,
        _ state: ObjectState,
        _ database: Database
    ) throws -> Int64 {
        let hash = "\(record.key.storeHash)"
        let member = try database.cachedStatement(
            sql: """
                INSERT INTO member (
                    cache, path_hash, object_name, state, size_bytes, narinfo_size_bytes,
                    created_at, used_at
                ) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        )
        try member.execute(arguments: [
            "\(cache)", hash, "\(record.key)", state.rawValue, Int64(record.sizeBytes),
            Int64(record.narInfoSizeBytes), record.createdAt, record.usedAt,
        ])
        let id = database.lastInsertedRowID
        let reference = try database.cachedStatement(
            sql: """
                INSERT INTO member_reference (cache, path_hash, reference_hash) VALUES (?, ?, ?)
                ON CONFLICT DO NOTHING
                """
        )
        for hashOfReference in record.references where hashOfReference != record.key.storeHash {
            try reference.execute(arguments: ["\(cache)", hash, "\(hashOfReference)"])
        }
        return id
    }

    private static func deleteMembers(
        _ ids: Set<Int64>,
        _ database: Database
    ) throws -> [CatalogEntry] {
        let member = try database.cachedStatement(
            sql: "DELETE FROM member WHERE id = ? RETURNING cache, path_hash, object_name"
        )
        let references = try database.cachedStatement(
            sql: "DELETE FROM member_reference WHERE cache = ? AND path_hash = ?"
        )
        var objects: Set<String> = []
        for id in ids {
            guard let row = try Row.fetchAll(member, arguments: [id]).first else { continue }
            try references.execute(arguments: [row[0] as String, row[1] as String])
            objects.insert(row[2])
        }
        try countHolders(of: objects, database)
        let unheld = try database.cachedStatement(
            sql: """
                SELECT \(columns) FROM object
                WHERE name = ? AND state = 0 AND is_closed = 1 AND held = 0
                """
        )
        return try objects.compactMap { name in
            try Row.fetchOne(unheld, arguments: [name]).map { try entry($0) }
        }
    }

    /// Counted anew rather than up and down, so that it cannot drift.
    private static func countHolders(of objects: Set<String>, _ database: Database) throws {
        let statement = try database.cachedStatement(
            sql: """
                UPDATE object
                SET held = (SELECT count(*) FROM member WHERE object_name = object.name)
                WHERE name = ?
                """
        )
        for name in objects { try statement.execute(arguments: [name]) }
    }
}
