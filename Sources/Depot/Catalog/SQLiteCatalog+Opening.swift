// SPDX-License-Identifier: Apache-2.0
import GRDB
import Glibc
package import Logging

extension SQLiteCatalog {
    static let fileName = "catalog.sqlite"
    private static let damageMarker = "catalog.damaged"

    /// Opens the catalog of a depot; one that is damaged is moved aside, and an empty one made.
    ///
    /// - Throws: `DepotError.madeByNewerFirn(directory:)`, before anything is changed.
    package static func open(directory: String, logger: Logger) throws -> SQLiteCatalog {
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
        case is RowDefect: true
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
            // A pool writes to the file as soon as it opens it.
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            guard try !queue.read(migrator.hasBeenSuperseded) else {
                throw DepotError.madeByNewerFirn(directory: directory)
            }
            try queue.close()
            let pool = try DatabasePool(path: path, configuration: configuration)
            try migrator.migrate(pool)
            let catalog = SQLiteCatalog(pool, directory: directory)
            // Goes through a whole index: most damage shows here and not in the middle of use.
            _ = try catalog.totals()
            return catalog
        }
    }

    /// What a catalog holds, without opening it for use.
    ///
    /// - Parameters:
    ///   - directory: Where it is.
    ///   - isShared: Whether another process has it open; otherwise nobody may open it meanwhile.
    /// - Returns: `nil` where the next opening would bring it up to date or make it anew.
    /// - Throws: `DepotError.madeByNewerFirn(directory:)`, and when it cannot be read.
    static func look(directory: String, isShared: Bool) throws -> CatalogTotals? {
        let path = "\(directory)/\(fileName)"
        guard unsafe access(path, F_OK) == 0,
            unsafe access("\(directory)/\(damageMarker)", F_OK) != 0
        else { return nil }
        do {
            return try translatingErrors {
                var configuration = Configuration()
                configuration.label = "firn.depot.look"
                configuration.busyMode = .timeout(5)
                // Alone, it takes its side files with it when it closes; a reader would leave them.
                configuration.readonly = isShared
                let queue = try DatabaseQueue(path: path, configuration: configuration)
                return try queue.read { database in
                    guard try !migrator.hasBeenSuperseded(database) else {
                        throw DepotError.madeByNewerFirn(directory: directory)
                    }
                    guard try migrator.hasCompletedMigrations(database),
                        try isComplete(database)
                    else { return nil }
                    return try totals(database)
                }
            }
        } catch DepotError.catalogUnavailable(let cause) where isDamage(cause) {
            return nil
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        M001CreateObject.register(in: &migrator)
        M002AddNARInfoSize.register(in: &migrator)
        M003AddCaches.register(in: &migrator)
        M004AddCacheUsage.register(in: &migrator)
        return migrator
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
