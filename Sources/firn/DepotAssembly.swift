// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
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
        try DepotPlace(configuration, directory).requireFolder(beside: storeDirectory)
        var depot = DepotConfiguration(
            directory: directory,
            maximumSizeBytes: maximumSizeBytes ?? configuration.depot.maximumSize.bytes,
            storeDirectory: storeDirectory
        )
        depot.name = configuration.depotName
        depot.catalog = configuration.depot.catalog
        return try inWords(configuration, directory) {
            guard let s3 = configuration.s3 else {
                return try NARDepot.open(depot, logger: logger)
            }
            return try NARDepot.open(depot, in: s3, logger: logger)
        }
    }

    /// Refuses what ``open(_:_:_:maximumSizeBytes:)`` would refuse, without making or changing
    /// anything; a running daemon may have the depot open.
    ///
    /// - Returns: What could not be looked at, if anything.
    static func check(
        _ configuration: FirnConfiguration,
        _ storeDirectory: StoreDirectory
    ) throws(ServeError) -> String? {
        guard let directory = configuration.depotDirectory else { return nil }
        try DepotPlace(configuration, directory).requireFolder(beside: storeDirectory)
        do throws(ServeError) {
            try inWords(configuration, directory) {
                var depot = DepotConfiguration(
                    directory: directory,
                    maximumSizeBytes: configuration.depot.maximumSize.bytes,
                    storeDirectory: storeDirectory
                )
                depot.catalog = configuration.depot.catalog
                guard let s3 = configuration.s3 else { return try NARDepot.look(depot) }
                try NARDepot.look(depot, in: s3)
            }
        } catch .depotUnusable(let path, let reason) {
            // Whoever checks need not be the user that the daemon runs as.
            return "\(path): the depot could not be looked at: \(reason)"
        }
        return nil
    }

    private static func inWords<Value>(
        _ configuration: FirnConfiguration,
        _ directory: String,
        _ body: () throws -> Value
    ) throws(ServeError) -> Value {
        do {
            return try body()
        } catch let problem as S3Problem {
            throw .bucketUnusable(
                location: configuration.depotName ?? directory,
                problem,
                at: configuration.place(of: "depot.location")
            )
        } catch let error as DepotError {
            throw ServeError(error, directory, configuration)
        } catch {
            throw .depotUnusable(path: directory, reason: "\(error)")
        }
    }
}

extension FirnConfiguration {
    fileprivate var catalogName: String {
        switch depot.catalog {
        case .sqlite: "sqlite"
        case .postgres(let location): "\(location)"
        }
    }

    /// `nil` where the depot lies in a folder, or nowhere.
    fileprivate var s3: S3Configuration? {
        guard case .bucket(let location) = depot.location else { return nil }
        let environment = ProcessInfo.processInfo.environment
        return S3Configuration(
            location: location,
            credentialsFile: depot.credentialsFile,
            authorityFile: AuthorityFile(environment).path,
            environment: environment,
            localBytes: depot.localSize.bytes
        )
    }
}

extension ServeError {
    fileprivate init(_ error: DepotError, _ path: String, _ configuration: FirnConfiguration) {
        self =
            switch error {
            case .storage(let problem):
                .bucketUnusable(
                    location: configuration.depotName ?? path,
                    problem,
                    at: configuration.place(of: "depot.location")
                )
            case .inUse(_, let process): .depotInUse(path: path, processID: process)
            case .madeByNewerFirn:
                .depotRefused(
                    path: path,
                    reason: "was made by a newer Firn; use that one, or name another folder",
                    at: configuration.depotPlace
                )
            case .madeForAnotherStore(_, let found, let expected):
                .depotRefused(
                    path: path,
                    reason: "is for \(found.map { "\($0)" } ?? "another store"), not for"
                        + " \(expected); name another folder",
                    at: configuration.depotPlace
                )
            case .holdsMoreThanMaximum(let stored, _):
                .depotTooLarge(
                    path: path,
                    storedBytes: stored,
                    maximum: configuration.depot.maximumSize,
                    at: configuration.place(of: "depot.max-size")
                )
            case .file(let operation, let file, let code):
                .depotUnusable(
                    path: path,
                    reason: unsafe "\(operation) \(file): \(String(cString: strerror(code)))"
                )
            case .catalogUnavailable(let cause):
                if let problem = cause as? PostgresProblem {
                    .catalogUnusable(
                        location: configuration.catalogName,
                        problem,
                        at: configuration.place(of: "depot.catalog")
                    )
                } else {
                    .depotUnusable(path: path, reason: "its catalog: \(cause)")
                }
            default: .depotUnusable(path: path, reason: "\(error)")
            }
    }
}
