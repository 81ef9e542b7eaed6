// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import Depot
import FirnAPI
import Foundation
import Logging
import NixStore

/// The depot of a daemon that is not running.
enum StoppedDepot {
    /// Does what the daemon would do with the order.
    ///
    /// This is also the way out for a depot that holds more than a bound which was lowered: the daemon
    /// does not start over it.
    ///
    /// - Returns: `nil` when there is no depot.
    static func collect(
        _ order: CollectRequest,
        _ configuration: FirnConfiguration
    ) async throws -> CollectReport? {
        guard let directory = configuration.depotDirectory,
            configuration.isDepotElsewhere || FileManager.default.fileExists(atPath: directory)
        else { return nil }
        var logger = Logger(label: "firn") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        let store = NixStoreConfiguration(root: configuration.store.root)
        let depot = try DepotAssembly.open(
            configuration,
            store.storeDirectory,
            logger,
            maximumSizeBytes: UInt64(Int64.max)
        )
        guard let depot else { return nil }
        let paths = try await caches(of: depot, configuration, logger).collect(
            isDryRun: order.isDryRun,
            declared: Dictionary(
                configuration.caches.map { ($0.name, $0.settings) },
                uniquingKeysWith: { $1 }
            )
        )
        let limit = order.downToBytes ?? configuration.depot.maximumSize.bytes
        let objects =
            order.isDryRun
            ? try depot.planCollection(downTo: limit) : try depot.collect(downTo: limit)
        return CollectReport(
            isDryRun: order.isDryRun,
            freedBytes: objects.reduce(0) { $0 + $1.sizeBytes },
            objects: objects.map { object in
                CollectReport.Object(
                    name: "\(object.key)",
                    sizeBytes: object.sizeBytes,
                    usedAt: Timestamp(object.lastUsedAt)
                )
            },
            paths: paths.isEmpty ? nil : paths.map(CollectReport.Path.init)
        )
    }

    private static func caches(
        of depot: NARDepot,
        _ configuration: FirnConfiguration,
        _ logger: Logger
    ) -> NamedCaches {
        NamedCaches(
            depot: depot,
            // Nothing is signed here.
            keyring: CacheKeyFiles(
                stateFolder: configuration.server.state,
                hostName: ProcessInfo.processInfo.hostName
            ),
            tiers: [],
            configuration: NamedCaches.Configuration(),
            logger: logger
        )
    }
}

extension CollectReport.Path {
    fileprivate init(_ path: CollectedPath) {
        self.init(
            cache: "\(path.cache)",
            hash: path.hash,
            sizeBytes: path.sizeBytes,
            usedAt: Timestamp(path.lastUsedAt)
        )
    }
}
