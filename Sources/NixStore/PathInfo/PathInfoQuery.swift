// SPDX-License-Identifier: Apache-2.0
import GRDB
import NixFormat

/// Questions to the tables `ValidPaths` and `Refs`, which have been the same since Nix 2.0.
///
/// Each is one statement, so that a path and its references come from the same state of the
/// database.
struct PathInfoQuery {
    /// What a row turned out to be.
    enum Answer {
        case found(PathInfo)
        /// Registered by a very old Nix, or broken: no client could use it.
        case withoutSize(StorePath)
    }

    let directory: StoreDirectory

    private static let columns = """
        SELECT v.id, v.path, v.hash, v.registrationTime, v.deriver, v.narSize, v.sigs, v.ca,
            (SELECT group_concat(r.path, ' ') FROM Refs
                JOIN ValidPaths r ON r.id = Refs.reference WHERE Refs.referrer = v.id)
        FROM ValidPaths v
        """

    /// The first path at or after the prefix: a range in the index of `path`, which LIKE would not
    /// use.
    func find(_ hash: StorePathHash, in database: Database) throws -> Answer? {
        let prefix = "\(directory.path)/\(hash)-"
        let statement = try database.cachedStatement(
            sql: Self.columns + " WHERE v.path >= ? ORDER BY v.path LIMIT 1"
        )
        guard let row = try Row.fetchOne(statement, arguments: [prefix]),
            let path = String.fromDatabaseValue(row[1]),
            path.utf8.starts(with: prefix.utf8)
        else { return nil }
        return try decode(row, path: path)
    }

    func arrivals(after id: Int64, limit: Int, in database: Database) throws -> [Answer] {
        let statement = try database.cachedStatement(
            sql: Self.columns + " WHERE v.id > ? ORDER BY v.id LIMIT ?"
        )
        return try Row.fetchAll(statement, arguments: [id, limit]).map { row in
            try decode(row, path: String.fromDatabaseValue(row[1]) ?? "")
        }
    }

    func newestID(in database: Database) throws -> Int64 {
        let statement = try database.cachedStatement(sql: "SELECT max(id) FROM ValidPaths")
        return try Int64.fetchOne(statement) ?? 0
    }

    // Values are converted with `fromDatabaseValue`: GRDB's subscripts trap on a column of another
    // type.
    private func decode(_ row: Row, path: String) throws -> Answer {
        let id = Int64.fromDatabaseValue(row[0]) ?? 0
        let storePath = try value("path", id) { try directory.storePath(parsing: path) }
        guard let size = Int64.fromDatabaseValue(row[5]), size > 0 else {
            return .withoutSize(storePath)
        }
        let references = (String.fromDatabaseValue(row[8]) ?? "").split(separator: " ")
        return .found(
            PathInfo(
                id: id,
                path: storePath,
                narHash: try value("hash", id) {
                    try NixHash(parsing: String.fromDatabaseValue(row[2]) ?? "")
                },
                narSizeBytes: UInt64(size),
                references: try value("Refs", id) {
                    try references.map { try directory.storePath(parsing: $0) }
                },
                // Nix writes words such as "unknown-deriver" here, too.
                deriver: String.fromDatabaseValue(row[4]).flatMap {
                    try? directory.storePath(parsing: $0)
                },
                signatures: (String.fromDatabaseValue(row[6]) ?? "").split(separator: " ")
                    .compactMap { try? Signature(parsing: $0) },
                contentAddress: String.fromDatabaseValue(row[7]).flatMap { $0.isEmpty ? nil : $0 },
                registeredAt: Int64.fromDatabaseValue(row[3]) ?? 0
            )
        )
    }

    private func value<Value>(
        _ column: String,
        _ id: Int64,
        _ parse: () throws -> Value
    ) throws -> Value {
        do {
            return try parse()
        } catch {
            throw LocalStoreError.damagedRow(
                table: "ValidPaths",
                id: id,
                reason: "\(column): \(error)"
            )
        }
    }
}
