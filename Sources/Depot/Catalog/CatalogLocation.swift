// SPDX-License-Identifier: Apache-2.0
import Logging

/// Where the catalog of a depot lies.
package enum CatalogLocation: Hashable, Sendable {
    /// In a file of the depot's folder on this machine.
    case sqlite
    case postgres(PostgresLocation)
}

extension CatalogLocation {
    /// Opens the catalog of a depot whose folder is locked.
    ///
    /// `place`: What to call the depot's objects, so that the catalog of others is not taken for its
    /// own; made only for a catalog that lies elsewhere.
    /// - Throws: `DepotError.madeByNewerFirn(directory:)`, or `DepotError.catalogUnavailable(_:)` with
    /// a `PostgresProblem`.
    func open(
        directory: String,
        logger: Logger,
        place: () throws -> String
    ) throws -> any Catalog {
        switch self {
        case .sqlite:
            // What changes from now on is unknown to the one that was in use before.
            try PostgresMark(directory: directory).remove()
            return try SQLiteCatalog.open(directory: directory, logger: logger)
        case .postgres(let location):
            return try PostgresCatalog.open(
                location,
                of: place(),
                directory: directory,
                logger: logger
            )
        }
    }

    /// What can be told without the network.
    func look() throws {
        guard case .postgres(let location) = self else { return }
        do {
            try location.look()
        } catch {
            throw DepotError.catalogUnavailable(error)
        }
    }
}
