// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import NixFormat

/// The catalog of a depot on one machine: a file beside the objects.
package final class SQLiteCatalog: Catalog {
    private let pool: DatabasePool
    private let directory: String

    init(_ pool: DatabasePool, directory: String) {
        self.pool = pool
        self.directory = directory
    }

    package func isComplete() throws -> Bool {
        try read(Self.isComplete)
    }

    static func isComplete(_ database: Database) throws -> Bool {
        try Int.fetchOne(database, sql: "PRAGMA user_version") == 1
    }

    package func totals() throws -> CatalogTotals { try read(Self.totals) }

    static func totals(_ database: Database) throws -> CatalogTotals {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT count(*),
                    coalesce(
                        sum((size_bytes + 4095) / 4096 + (narinfo_size_bytes + 4095) / 4096), 0
                    ) + (
                        SELECT coalesce(sum((narinfo_size_bytes + 4095) / 4096), 0)
                        FROM member INDEXED BY member_by_use
                    ) + (
                        SELECT coalesce(sum((size_bytes + 4095) / 4096), 0) FROM cache_extra
                    ),
                    max(
                        coalesce(max(used_at), 0),
                        (SELECT coalesce(max(used_at), 0) FROM member INDEXED BY member_by_use)
                    )
                FROM object INDEXED BY object_by_use WHERE state = 0
                """
        )
        guard let row, let blocks = UInt64(exactly: row[1] as Int64) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT)
        }
        return CatalogTotals(objects: row[0], blockBytes: blocks * 4096, lastUsedAt: row[2])
    }

    package func find(_ key: ObjectKey) throws -> CatalogEntry? {
        try read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT \(Self.columns) FROM object WHERE name = ? AND state = 0"
            )
            return try Row.fetchOne(statement, arguments: ["\(key)"])
                .map { try Self.entry($0, key: key) }
        }
    }

    package func list(after: ObjectKey?, limit: Int) throws -> [CatalogEntry] {
        // The plus keeps SQLite from the index by use, which would sort all rows for each page.
        try read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT \(Self.columns) FROM object WHERE name > ? AND +state = 0
                    ORDER BY name LIMIT ?
                    """
            )
            let arguments: StatementArguments = [after.map { "\($0)" } ?? "", limit]
            return try Row.fetchAll(statement, arguments: arguments).map { try Self.entry($0) }
        }
    }

    package func leastRecentlyUsed(
        after last: CatalogEntry?,
        limit: Int
    ) throws -> [CatalogEntry] {
        try read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT \(Self.columns) FROM object INDEXED BY object_by_use
                    WHERE state = 0 AND held = 0
                        AND (used_at, size_bytes, narinfo_size_bytes, id) > (?, ?, ?, ?)
                    ORDER BY used_at, size_bytes, narinfo_size_bytes, id LIMIT ?
                    """
            )
            let last = last?.age ?? (-1, 0, 0, 0)
            let arguments: StatementArguments = [
                last.0, Int64(last.1), Int64(last.2), last.3, limit,
            ]
            return try Row.fetchAll(statement, arguments: arguments).map { try Self.entry($0) }
        }
    }

    package func unsettled() throws -> [CatalogEntry] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT \(Self.columns) FROM object WHERE state <> 0"
            )
            .map { try Self.entry($0) }
        }
    }
}

// MARK: - Rows

extension SQLiteCatalog {
    static let columns = """
        id, state, name, size_bytes, file_hash, narinfo_size_bytes, used_at, is_closed
        """

    /// A row that Firn did not write.
    struct RowDefect: Error {
        let name: String
    }

    /// What a row says; its key is not read again where it is known already.
    static func entry(_ row: Row, key: ObjectKey? = nil) throws -> CatalogEntry {
        let name: String = row[2]
        let digest: Data? = row[4]
        guard let key = try? key ?? ObjectKey(parsing: name),
            let size = UInt64(exactly: row[3] as Int64),
            let narInfoSize = UInt64(exactly: row[5] as Int64)
        else { throw RowDefect(name: name) }
        return CatalogEntry(
            id: row[0],
            // A state of a newer Firn would have come with a migration; any other is damage.
            state: ObjectState(rawValue: row[1] as Int) ?? .departing,
            record: CatalogRecord(
                key: key,
                sizeBytes: size,
                fileHash: digest.flatMap { try? NixHash(algorithm: .sha256, digest: Array($0)) },
                narInfoSizeBytes: narInfoSize,
                usedAt: row[6],
                isClosed: row[7]
            )
        )
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
