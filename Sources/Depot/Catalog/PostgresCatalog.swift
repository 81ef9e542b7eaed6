// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// The catalog of a depot in PostgreSQL.
///
/// Every change is on the disk when its call returns. Reads are one statement each, of one round trip.
/// What has to be looked at in the transaction that depends on it is guarded in one of three ways: by
/// the row of an object, by the lock on the members of a cache, or by the statement that changes it.
package final class PostgresCatalog: Catalog {
    let pool: PostgresPool

    init(_ pool: PostgresPool) { self.pool = pool }

    /// How many statements were sent to the server so far.
    package var statementCount: Int { pool.statementCount }

    package func isComplete() throws -> Bool {
        try translatingErrors {
            try pool.query("SELECT is_complete FROM firn.catalog").first?.boolean(0) ?? false
        }
    }

    package func totals() throws -> CatalogTotals {
        let rows = try translatingErrors {
            try pool.query(
                """
                SELECT count(*),
                    coalesce(
                        sum((size_bytes + 4095) / 4096 + (narinfo_size_bytes + 4095) / 4096), 0
                    ) + (
                        SELECT coalesce(sum((narinfo_size_bytes + 4095) / 4096), 0) FROM firn.member
                        WHERE state = 0
                    ) + (
                        SELECT coalesce(sum((size_bytes + 4095) / 4096), 0) FROM firn.cache_extra
                    ),
                    greatest(
                        coalesce(max(used_at), 0),
                        (SELECT coalesce(max(used_at), 0) FROM firn.member)
                    )
                FROM firn.object WHERE state = 0
                """,
                pace: .long
            )
        }
        guard let row = rows.first else {
            return CatalogTotals(objects: 0, blockBytes: 0, lastUsedAt: 0)
        }
        return try translatingErrors {
            CatalogTotals(
                objects: Int(try row.integer(0)),
                blockBytes: try row.size(1) * 4096,
                lastUsedAt: try row.integer(2)
            )
        }
    }

    package func find(_ key: ObjectKey) throws -> CatalogEntry? {
        try translatingErrors {
            let rows = try pool.query(
                "SELECT \(Self.columns) FROM firn.object WHERE name = $1 AND state = 0",
                .text("\(key)")
            )
            return try rows.first.map { try Self.entry($0, key: key) }
        }
    }

    package func list(after: ObjectKey?, limit: Int) throws -> [CatalogEntry] {
        try translatingErrors {
            try pool.query(
                """
                SELECT \(Self.columns) FROM firn.object WHERE name > $1 AND state = 0
                ORDER BY name LIMIT $2
                """,
                .text(after.map { "\($0)" } ?? ""),
                .integer(Int64(limit))
            )
            .map { try Self.entry($0) }
        }
    }

    package func leastRecentlyUsed(
        after last: CatalogEntry?,
        limit: Int
    ) throws -> [CatalogEntry] {
        let last = last?.age ?? (-1, 0, 0, 0)
        return try translatingErrors {
            try pool.query(
                """
                SELECT \(Self.columns) FROM firn.object
                WHERE state = 0 AND held = 0
                    AND (used_at, size_bytes, narinfo_size_bytes, id)
                        > ($1::bigint, $2::bigint, $3::bigint, $4::bigint)
                ORDER BY used_at, size_bytes, narinfo_size_bytes, id LIMIT $5
                """,
                .integer(last.0),
                PostgresValue(last.1),
                PostgresValue(last.2),
                .integer(last.3),
                .integer(Int64(limit))
            )
            .map { try Self.entry($0) }
        }
    }

    package func unsettled() throws -> [CatalogEntry] {
        try translatingErrors {
            try pool.query("SELECT \(Self.columns) FROM firn.object WHERE state <> 0")
                .map { try Self.entry($0) }
        }
    }
}

// MARK: - Rows and errors

extension PostgresCatalog {
    static let columns = """
        id, state, name, size_bytes, encode(file_hash, 'hex'), narinfo_size_bytes, used_at, is_closed
        """

    /// What a row says; its key is not read again where it is known already.
    static func entry(_ row: PostgresRow, key: ObjectKey? = nil) throws -> CatalogEntry {
        let name = try row.text(2)
        guard let key = try? key ?? ObjectKey(parsing: name) else {
            throw PostgresProblem.unreadable(name)
        }
        return CatalogEntry(
            id: try row.integer(0),
            // A state of a newer Firn would have come with a migration; any other is damage.
            state: ObjectState(rawValue: Int(try row.integer(1))) ?? .departing,
            record: CatalogRecord(
                key: key,
                sizeBytes: try row.size(3),
                fileHash: try row.bytes(4).flatMap {
                    try? NixHash(algorithm: .sha256, digest: $0)
                },
                narInfoSizeBytes: try row.size(5),
                usedAt: try row.integer(6),
                isClosed: try row.boolean(7)
            )
        )
    }

    /// What the contract throws, for what PostgreSQL does.
    func translatingErrors<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let problem as PostgresProblem where problem.isDiskFull {
            throw DepotError.diskFull
        } catch let error as DepotError {
            throw error
        } catch {
            throw DepotError.catalogUnavailable(error)
        }
    }

    @discardableResult
    func change<Value>(
        holding lock: PostgresLock? = nil,
        _ body: (PostgresTransaction) throws -> Value
    ) throws -> Value {
        try translatingErrors { try pool.change(holding: lock, body) }
    }
}
