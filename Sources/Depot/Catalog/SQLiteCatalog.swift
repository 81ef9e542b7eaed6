// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import NixFormat

/// The index over the objects: what is kept, how large it is, and when it was last used.
///
/// It can always be made again from the files. Every failure leaves as
/// `DepotError.catalogUnavailable(_:)` or `DepotError.diskFull`.
final class SQLiteCatalog: Sendable {
    private let pool: DatabasePool
    private let directory: String

    init(_ pool: DatabasePool, directory: String) {
        self.pool = pool
        self.directory = directory
    }

    /// How many objects there are, what they take in whole blocks, and the latest use.
    struct Totals {
        let objects: Int
        let blockBytes: UInt64
        let lastUsedAt: Int64
    }

    func totals() throws -> Totals {
        try read { database in
            let row = try Row.fetchOne(
                database,
                sql: """
                    SELECT count(*), coalesce(sum((size_bytes + 4095) / 4096), 0),
                        coalesce(max(used_at), 0)
                    FROM object INDEXED BY object_by_use WHERE state = 0
                    """
            )
            guard let row, let blocks = UInt64(exactly: row[1] as Int64) else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT)
            }
            return Totals(objects: row[0], blockBytes: blocks * 4096, lastUsedAt: row[2])
        }
    }

    /// The row of an object that is shown.
    func find(_ key: ObjectKey) throws -> CatalogEntry? {
        try read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT \(CatalogEntry.columns) FROM object WHERE name = ? AND state = 0
                    """
            )
            return try Row.fetchOne(statement, arguments: ["\(key)"]).map(CatalogEntry.init(row:))
        }
    }

    func list(after: ObjectKey?, limit: Int) throws -> [ObjectKey] {
        try read { database in
            let names = try String.fetchAll(
                database,
                sql: "SELECT name FROM object WHERE name > ? AND state = 0 ORDER BY name LIMIT ?",
                arguments: [after.map { "\($0)" } ?? "", limit]
            )
            return try names.map { try ObjectKey(parsing: $0) }
        }
    }

    /// Objects in the order in which they should go.
    func leastRecentlyUsed(after last: CatalogEntry?, limit: Int) throws -> [CatalogEntry] {
        try read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT \(CatalogEntry.columns) FROM object INDEXED BY object_by_use
                    WHERE state = 0 AND (used_at, size_bytes, id) > (?, ?, ?)
                    ORDER BY used_at, size_bytes, id LIMIT ?
                    """
            )
            let last = (last?.usedAt ?? -1, Int64(last?.sizeBytes ?? 0), last?.id ?? 0)
            return try Row.fetchAll(statement, arguments: [last.0, last.1, last.2, limit])
                .map(CatalogEntry.init(row:))
        }
    }

    /// Rows of objects that were coming or going when the process ended.
    func unsettled() throws -> [(entry: CatalogEntry, state: ObjectState)] {
        try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT \(CatalogEntry.columns), state FROM object WHERE state <> 0"
            )
            return try rows.map { row in
                let state = ObjectState(rawValue: row[5] as Int) ?? .departing
                return (try CatalogEntry(row: row), state)
            }
        }
    }
}

// MARK: - Changes

extension SQLiteCatalog {
    /// Durably notes that an object is about to appear; takes the place of a row that is on its way
    /// out.
    ///
    /// - Returns: The row's number.
    func insertArriving(_ info: ObjectInfo, usedAt: Int64) throws -> Int64 {
        try write(.durable) { database in
            let statement = try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO object (name, size_bytes, file_hash, state, used_at)
                    VALUES (?, ?, ?, ?, ?)
                    """
            )
            try statement.execute(arguments: [
                "\(info.key)", Int64(info.sizeBytes), Data(info.fileHash.digest),
                ObjectState.arriving.rawValue, usedAt,
            ])
            return database.lastInsertedRowID
        }
    }

    /// Shows an object, and deletes rows whose files are gone for good.
    func markPresent(_ id: Int64, deleting gone: Set<Int64>) throws {
        try write(.lazy) { database in
            try Self.setState(.present, of: id, database)
            try Self.delete(gone, database)
        }
    }

    /// Hides an object that is about to go.
    ///
    /// - Returns: Whether it was shown until now.
    func markDeparting(_ id: Int64) throws -> Bool {
        try write(.lazy) { database in
            try Self.setState(.departing, of: id, database)
            return database.changesCount > 0
        }
    }

    func delete(_ ids: Set<Int64>) throws {
        try write(.lazy) { try Self.delete(ids, $0) }
    }

    func setFileHash(_ hash: NixHash, of id: Int64) throws {
        try write(.lazy) { database in
            try database.execute(
                sql: "UPDATE object SET file_hash = ? WHERE id = ?",
                arguments: [Data(hash.digest), id]
            )
        }
    }

    /// Notes when objects were used: times by the rows' numbers.
    ///
    /// Rows that are gone are passed over.
    func setUses(_ uses: [Int64: Int64]) throws {
        try write(.lazy) { database in
            let statement = try database.cachedStatement(
                sql: "UPDATE object SET used_at = ? WHERE id = ?"
            )
            for (id, time) in uses { try statement.execute(arguments: [time, id]) }
        }
    }

    static func setState(
        _ state: ObjectState,
        of id: Int64,
        _ database: Database
    ) throws {
        let statement = try database.cachedStatement(
            sql: "UPDATE object SET state = ? WHERE id = ? AND state <> ?"
        )
        try statement.execute(arguments: [state.rawValue, id, state.rawValue])
    }

    static func delete(_ ids: Set<Int64>, _ database: Database) throws {
        let statement = try database.cachedStatement(sql: "DELETE FROM object WHERE id = ?")
        for id in ids { try statement.execute(arguments: [id]) }
    }
}

// MARK: - Access

extension SQLiteCatalog {
    /// When a change has to be on the disk.
    enum Durability: String {
        /// Before the call returns.
        case durable = "FULL"
        /// With the next durable one; a crash of the process loses nothing.
        case lazy = "NORMAL"
    }

    func write<Result>(
        _ durability: Durability,
        _ body: (Database) throws -> Result
    ) throws -> Result {
        try markingDamage {
            try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = \(durability.rawValue)")
                var result: Result?
                try database.inTransaction(.immediate) {
                    result = try body(database)
                    return .commit
                }
                guard let result else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
                return result
            }
        }
    }

    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try markingDamage { try pool.unsafeRead(body) }
    }

    private func markingDamage<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try Self.translatingErrors(body)
        } catch DepotError.catalogUnavailable(let cause) where Self.isDamage(cause) {
            Self.markDamaged(directory: directory)
            throw DepotError.catalogUnavailable(cause)
        }
    }

    static func translatingErrors<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            throw DepotError.diskFull
        } catch let error as DepotError {
            throw error
        } catch {
            throw DepotError.catalogUnavailable(error)
        }
    }
}
