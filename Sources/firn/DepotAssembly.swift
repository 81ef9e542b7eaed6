// SPDX-License-Identifier: Apache-2.0
import Depot
import Glibc
import Logging
import NixFormat

/// Opens the depot that the configuration names, for the daemon and for commands beside it.
enum DepotAssembly {
    /// `maximumSizeBytes` takes the place of the configured bound.
    ///
    /// - Returns: `nil` where there is to be none.
    /// - Throws: ``ServeError`` in words, with its exit code.
    static func open(
        _ configuration: FirnConfiguration,
        _ storeDirectory: StoreDirectory,
        _ logger: Logger,
        maximumSizeBytes: UInt64? = nil
    ) throws -> NARDepot? {
        guard let directory = configuration.depotDirectory else { return nil }
        do {
            return try NARDepot.open(
                DepotConfiguration(
                    directory: directory,
                    maximumSizeBytes: maximumSizeBytes ?? configuration.depot.maximumSize.bytes,
                    storeDirectory: storeDirectory
                ),
                logger: logger
            )
        } catch let error as DepotError {
            throw ServeError(error, directory)
        } catch {
            throw ServeError.depotUnusable(path: directory, reason: "\(error)")
        }
    }
}

extension ServeError {
    fileprivate init(_ error: DepotError, _ path: String) {
        self =
            switch error {
            case .inUse(_, let process): .depotInUse(path: path, processID: process)
            case .madeByNewerFirn:
                .depotRefused(path: path, reason: "it was made by a newer Firn; use that one")
            case .madeForAnotherStore(_, let found, let expected):
                .depotRefused(
                    path: path,
                    reason: "it is for \(found.map { "\($0)" } ?? "another store"), not for"
                        + " \(expected); name another with --depot"
                )
            case .holdsMoreThanMaximum(let stored, let maximum):
                .depotRefused(
                    path: path,
                    reason: "it holds \(stored) bytes, more than the \(maximum) of max-size;"
                        + " raise depot.max-size, or remove what is not wanted with firn gc"
                )
            case .file(let operation, let file, let code):
                .depotUnusable(
                    path: path,
                    reason: unsafe "\(operation) \(file): \(String(cString: strerror(code)))"
                )
            default: .depotUnusable(path: path, reason: "\(error)")
            }
    }
}
