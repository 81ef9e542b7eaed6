// SPDX-License-Identifier: Apache-2.0
import Caches
import Glibc
package import Logging

extension PostgresCatalog {
    /// What one Firn has open at most: as many as do something at the same time on a small machine, and
    /// few enough for a server that allows a hundred.
    private static let maximumConnections = 8

    /// Opens the catalog of a depot, and makes it when it is missing.
    ///
    /// One that does not know all that has become of the depot is emptied but for its tokens, so that it
    /// is made again from the objects. Tokens of a catalog in SQLite that was in use before are taken
    /// over, and its file is put aside.
    ///
    /// - Parameters:
    ///   - location: The database; everything is in its schema `firn`.
    ///   - place: What the depot's objects are called, wherever they lie.
    ///   - directory: The depot's folder on this machine.
    ///   - logger: Told of what is taken over.
    /// - Returns: The catalog, which may lack its rows still.
    /// - Throws: `DepotError.madeByNewerFirn(directory:)`, `DepotError.catalogUnavailable(_:)` with a
    ///   `PostgresProblem`, or a failure of the folder.
    package static func open(
        _ location: PostgresLocation,
        of place: String,
        directory: String,
        logger: Logger
    ) throws -> PostgresCatalog {
        do {
            try location.look()
            let pool = try PostgresPool(
                location,
                maximumConnections: maximumConnections,
                patience: .seconds(10)
            )
            let catalog = PostgresCatalog(pool)
            try catalog.requireServer()
            try catalog.migrate()
            try catalog.take(for: place, PostgresMark(directory: directory), logger)
            try catalog.replaceSQLite(in: directory, logger)
            return catalog
        } catch let error as DepotError {
            throw error
        } catch {
            throw DepotError.catalogUnavailable(error)
        }
    }

    private func requireServer() throws {
        let version = try pool.withConnection { $0.serverVersion }
        guard version >= 130_000 else { throw PostgresProblem.tooOld(serverVersion: version) }
    }

    /// Brings the tables up to date; whoever does it at the same time waits.
    private func migrate() throws {
        // Needs no right to make anything where there is nothing to be made.
        if try pool.query("SELECT to_regclass('firn.catalog') IS NOT NULL").first?.boolean(0)
            == true,
            try pool.query("SELECT layout FROM firn.catalog").first?.integer(0)
                == Int64(PostgresMigration.all.count)
        {
            return
        }
        try pool.change(holding: .schema, pace: .long, again: .always) { transaction in
            try transaction.run("CREATE SCHEMA IF NOT EXISTS firn")
            let isNew = try transaction.run("SELECT to_regclass('firn.catalog') IS NULL")
                .rows.first?.boolean(0)
            if isNew == true {
                try transaction.run(
                    script: """
                        CREATE TABLE firn.catalog (
                            number uuid NOT NULL,
                            place text,
                            is_complete boolean NOT NULL,
                            layout integer NOT NULL
                        );
                        INSERT INTO firn.catalog VALUES (gen_random_uuid(), NULL, false, 0)
                        """
                )
            }
            let rows = try transaction.run("SELECT layout FROM firn.catalog").rows
            let layout = Int(try rows.first?.integer(0) ?? 0)
            guard layout <= PostgresMigration.all.count else {
                throw PostgresProblem.madeByNewerFirn
            }
            for migration in PostgresMigration.all.dropFirst(layout) {
                try transaction.run(script: migration.statements)
            }
            try transaction.run(
                "UPDATE firn.catalog SET layout = $1",
                .integer(Int64(PostgresMigration.all.count))
            )
        }
    }

    /// Makes the catalog that of a depot, or finds that it is.
    private func take(for place: String, _ mark: PostgresMark, _ logger: Logger) throws {
        let known = mark.read()
        let (number, isNew) = try pool.change(holding: .schema, pace: .long) { transaction in
            // What connections of long ago have left.
            try transaction.run(
                "DELETE FROM firn.session WHERE used_at < now() - interval '1 day'"
            )
            let row = try transaction.run("SELECT number::text, place FROM firn.catalog").rows.first
            guard let row else { throw PostgresProblem.unreadable("firn.catalog") }
            let owner = row.isNull(1) ? nil : try row.text(1)
            guard owner ?? place == place else { throw PostgresProblem.ofAnotherDepot(owner ?? "") }
            let number = try row.text(0)
            if owner != nil, known == number { return (number, false) }
            // Tokens are nowhere else.
            try transaction.run(
                script: """
                    DELETE FROM firn.member;
                    DELETE FROM firn.member_reference;
                    DELETE FROM firn.cache_extra;
                    DELETE FROM firn.cache_usage;
                    DELETE FROM firn.cache;
                    DELETE FROM firn.object
                    """
            )
            let rows = try transaction.run(
                """
                UPDATE firn.catalog
                SET number = gen_random_uuid(), place = $1, is_complete = false
                RETURNING number::text
                """,
                .text(place)
            ).rows
            return (try rows.first?.text(0) ?? "", true)
        }
        guard isNew else { return }
        if known != nil {
            logger.notice("the catalog in PostgreSQL was not in use, and is made from the objects")
        }
        try mark.write(number)
    }

    private func replaceSQLite(in directory: String, _ logger: Logger) throws {
        let path = "\(directory)/\(SQLiteCatalog.fileName)"
        guard unsafe access(path, F_OK) == 0 else { return }
        let tokens = try {
            try SQLiteCatalog.open(directory: directory, logger: logger).listTokens()
        }()
        for token in tokens { _ = try insert(token) }
        for suffix in ["-wal", "-shm"] { _ = unsafe unlink(path + suffix) }
        guard unsafe rename(path, "\(path).replaced") == 0 || errno == ENOENT else {
            throw DepotError.fromErrno("rename", path)
        }
        logger.notice("the catalog moves to PostgreSQL, with \(tokens.count) tokens")
    }
}
