// SPDX-License-Identifier: Apache-2.0
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
    ) throws -> CollectReport? {
        guard let directory = configuration.depotDirectory,
            FileManager.default.fileExists(atPath: directory)
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
            }
        )
    }
}
