// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
package import NixFormat

extension SQLiteCatalog {
    package func insertArriving(
        _ objects: [ObjectInfo],
        usedAt: Int64,
        isClosed: Bool
    ) throws -> [Int64] {
        try write(.durable) { database in
            // Members outlive an object that was damaged and comes again.
            let statement = try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO object
                        (name, size_bytes, file_hash, state, used_at, is_closed, held)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                        (SELECT count(*) FROM member WHERE object_name = ?1))
                    """
            )
            return try objects.map { info in
                try statement.execute(arguments: [
                    "\(info.key)", Int64(info.sizeBytes), Data(info.fileHash.digest),
                    ObjectState.arriving.rawValue, usedAt, isClosed,
                ])
                return database.lastInsertedRowID
            }
        }
    }

    package func markOpen(_ id: Int64) throws -> Bool {
        try write(.lazy) { database in
            try database.execute(
                sql: "UPDATE object SET is_closed = 0 WHERE id = ? AND state = 0",
                arguments: [id]
            )
            return database.changesCount == 1
        }
    }

    package func markPresent(_ id: Int64, deleting gone: Set<Int64>) throws {
        try write(.lazy) { database in
            try Self.setState(.present, of: id, database)
            try Self.delete(gone, database)
        }
    }

    package func markDeparting(_ id: Int64, evenIfHeld: Bool) throws -> CatalogEntry? {
        try write(.lazy) { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT \(Self.columns) FROM object
                    WHERE id = ? AND state = 0 AND (held = 0 OR ?)
                    """
            )
            let arguments: StatementArguments = [id, evenIfHeld]
            guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
            let entry = try Self.entry(row)
            try Self.setState(.departing, of: id, database)
            return entry
        }
    }

    package func delete(_ ids: Set<Int64>) throws {
        try write(.lazy) { try Self.delete(ids, $0) }
    }

    package func setNARInfoSize(
        _ sizeBytes: UInt64,
        of id: Int64?,
        among storeHash: StorePathHash
    ) throws -> UInt64 {
        try write(.lazy) { database in
            // All keys of a path, and no others, lie between these two texts.
            let range = ["\(storeHash)-", "\(storeHash)."]
            let blocks = try database.cachedStatement(
                sql: """
                    SELECT coalesce(sum((narinfo_size_bytes + 4095) / 4096), 0) FROM object
                    WHERE name > ? AND name < ? AND state = 0
                    """
            )
            let before = try Int64.fetchOne(blocks, arguments: StatementArguments(range)) ?? 0
            let change = try database.cachedStatement(
                sql: """
                    UPDATE object SET narinfo_size_bytes = CASE id WHEN ? THEN ? ELSE 0 END
                    WHERE name > ? AND name < ?
                    """
            )
            try change.execute(arguments: [id, Int64(sizeBytes), range[0], range[1]])
            return UInt64(before) * 4096
        }
    }

    package func setFileHash(_ hash: NixHash, of id: Int64) throws {
        try write(.lazy) { database in
            try database.execute(
                sql: "UPDATE object SET file_hash = ? WHERE id = ?",
                arguments: [Data(hash.digest), id]
            )
        }
    }

    package func setUses(_ uses: [Int64: Int64]) throws {
        try write(.lazy) { database in
            let statement = try database.cachedStatement(
                sql: "UPDATE object SET used_at = ? WHERE id = ?"
            )
            for (id, time) in uses { try statement.execute(arguments: [time, id]) }
        }
    }

    package func rebuild(_ scan: ((CatalogRecord) throws -> Void) throws -> Void) throws {
        try write(.durable) { database in
            try database.execute(sql: "DELETE FROM object")
            let statement = try database.makeStatement(
                sql: """
                    INSERT INTO object
                        (name, size_bytes, file_hash, state, used_at, narinfo_size_bytes)
                    VALUES (?, ?, ?, 0, ?, ?)
                    """
            )
            try scan { record in
                try statement.execute(arguments: [
                    "\(record.key)", Int64(record.sizeBytes),
                    record.fileHash.map { Data($0.digest) }, record.usedAt,
                    Int64(record.narInfoSizeBytes),
                ])
            }
            // What lay beside no narinfo of the merged view was never shown there, or is not missed.
            try database.execute(
                sql: """
                    UPDATE object
                    SET held = (SELECT count(*) FROM member WHERE object_name = object.name)
                    WHERE name IN (SELECT object_name FROM member);
                    UPDATE object SET is_closed = 1 WHERE held > 0 AND narinfo_size_bytes = 0;
                    """
            )
            try database.execute(sql: "PRAGMA user_version = 1")
        }
    }

    private static func setState(
        _ state: ObjectState,
        of id: Int64,
        _ database: Database
    ) throws {
        let statement = try database.cachedStatement(
            sql: "UPDATE object SET state = ? WHERE id = ? AND state <> ?"
        )
        try statement.execute(arguments: [state.rawValue, id, state.rawValue])
    }

    private static func delete(_ ids: Set<Int64>, _ database: Database) throws {
        let statement = try database.cachedStatement(sql: "DELETE FROM object WHERE id = ?")
        for id in ids { try statement.execute(arguments: [id]) }
    }
}
