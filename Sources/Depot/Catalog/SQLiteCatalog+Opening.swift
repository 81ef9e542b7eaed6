// SPDX-License-Identifier: Apache-2.0
import GRDB
import Glibc
package import Logging

extension SQLiteCatalog {
    private static let fileName = "catalog.sqlite"
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
            let pool = try DatabasePool(path: path, configuration: configuration)
            var migrator = DatabaseMigrator()
            M001CreateObject.register(in: &migrator)
            M002AddNARInfoSize.register(in: &migrator)
            M003AddCaches.register(in: &migrator)
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
