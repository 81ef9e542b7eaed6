// SPDX-License-Identifier: Apache-2.0
import GRDB
import Glibc
import Logging

extension SQLiteCatalog {
    private static let fileName = "catalog.sqlite"
    private static let damageMarker = "catalog.damaged"

    /// Opens the catalog of a depot; one that is damaged is moved aside, and an empty one made.
    ///
    /// - Throws: `DepotError.madeByNewerFirn(directory:)`, before anything is changed.
    static func open(directory: String, logger: Logger) throws -> SQLiteCatalog {
        if unsafe access("\(directory)/\(damageMarker)", F_OK) == 0 {
            logger.error("the catalog was found damaged, and is made again from the objects")
            try setAside(directory)
        }
        do {
            return try openAsItIs(directory)
        } catch DepotError.catalogUnavailable(let cause) where isDamage(cause) {
            logger.error("the catalog is damaged, and is made again from the objects: \(cause)")
            try setAside(directory)
            return try openAsItIs(directory)
        }
    }

    /// Makes the next start make the catalog anew: for damage that shows in the middle of use.
    static func markDamaged(directory: String) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC
        let marker = unsafe Glibc.open("\(directory)/\(damageMarker)", flags, 0o600)
        if marker >= 0 { Glibc.close(marker) }
    }

    /// Whether an error means that the file, and not the moment, is to blame.
    static func isDamage(_ error: any Error) -> Bool {
        switch error {
        case let error as DatabaseError:
            error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
        case is CatalogEntry.Defect: true
        default: false
        }
    }

    private static func openAsItIs(_ directory: String) throws -> SQLiteCatalog {
        try translatingErrors {
            var configuration = Configuration()
            configuration.label = "firn.depot"
            configuration.busyMode = .timeout(5)
            configuration.maximumReaderCount = 4
            let path = "\(directory)/\(fileName)"
            let pool = try DatabasePool(path: path, configuration: configuration)
            var migrator = DatabaseMigrator()
            M001CreateObject.register(in: &migrator)
            guard try !pool.read(migrator.hasBeenSuperseded) else {
                throw DepotError.madeByNewerFirn(directory: directory)
            }
            try migrator.migrate(pool)
            let catalog = SQLiteCatalog(pool, directory: directory)
            // Goes through a whole index: most damage shows here and not in the middle of use.
            _ = try catalog.totals()
            return catalog
        }
    }

    private static func setAside(_ directory: String) throws {
        let path = "\(directory)/\(fileName)"
        for suffix in ["-wal", "-shm"] { _ = unsafe unlink(path + suffix) }
        guard unsafe rename(path, path + ".damaged") == 0 || errno == ENOENT else {
            throw DepotError.fromErrno("rename", path)
        }
        _ = unsafe unlink("\(directory)/\(damageMarker)")
    }
}

// MARK: - Bringing the catalog and the files together

extension SQLiteCatalog {
    /// Whether every file under `nar/` has a row.
    func isComplete() throws -> Bool {
        try read { try Int.fetchOne($0, sql: "PRAGMA user_version") == 1 }
    }

    /// Fills an empty catalog, all at once or not at all.
    ///
    /// - Parameter scan: Is handed what takes a key, a size and a time of use in microseconds.
    /// - Throws: What `scan` throws, and then nothing has changed.
    func rebuild(_ scan: ((ObjectKey, UInt64, Int64) throws -> Void) throws -> Void) throws {
        try write(.durable) { database in
            try database.execute(sql: "DELETE FROM object")
            let statement = try database.makeStatement(
                sql: "INSERT INTO object (name, size_bytes, state, used_at) VALUES (?, ?, 0, ?)"
            )
            try scan { key, sizeBytes, usedAt in
                try statement.execute(arguments: ["\(key)", Int64(sizeBytes), usedAt])
            }
            try database.execute(sql: "PRAGMA user_version = 1")
        }
    }

    /// Shows and forgets objects, all at once.
    func settle(arrived: Set<Int64>, gone: Set<Int64>) throws {
        try write(.durable) { database in
            for id in arrived { try Self.setState(.present, of: id, database) }
            try Self.delete(gone, database)
        }
    }
}
