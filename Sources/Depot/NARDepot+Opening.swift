// SPDX-License-Identifier: Apache-2.0
import GRDB
package import Logging

/// What a depot is made of, once its directory is known to be in order.
struct OpenedParts {
    let configuration: DepotConfiguration
    let logger: Logger
    let lock: DirectoryLock
    let objects: ObjectDirectory
    let catalog: SQLiteCatalog
    let ledger: Ledger
    let uses: UseJournal
    let onStep: @Sendable (DepotStep) throws -> Void
}

extension NARDepot {
    /// Opens a depot, which nobody else may have open, and makes it when it is missing.
    ///
    /// Finishes what a killed process left: unfinished files go, half-done changes are undone or
    /// completed. A catalog that is missing or damaged is made again from the objects; only that takes
    /// time in proportion to their number.
    ///
    /// - Parameters:
    ///   - configuration: Where it is, and how much it may hold.
    ///   - logger: Told of repairs and evictions.
    ///   - onStep: Told of every change of the disk; what it throws fails the operation.
    /// - Returns: The depot, which keeps others out for as long as it is referenced.
    /// - Throws: `DepotError.inUse(directory:processID:)`,
    ///   `DepotError.madeByNewerFirn(directory:)`,
    ///   `DepotError.holdsMoreThanMaximum(storedBytes:maximumSizeBytes:)`, or a failure of the disk.
    package static func open(
        _ configuration: DepotConfiguration,
        logger: Logger,
        onStep: @escaping @Sendable (DepotStep) throws -> Void = { _ in }
    ) throws -> NARDepot {
        let directory = configuration.directory
        _ = try ObjectDirectory.openDirectory(directory)
        let lock = try DirectoryLock(directory: directory)
        let catalog = try SQLiteCatalog.open(directory: directory, logger: logger)
        let objects = try ObjectDirectory(directory)
        if try !catalog.isComplete() { try rebuild(catalog, from: objects, logger) }
        try settle(catalog, objects)
        try objects.removeAllUnfinished()
        let totals = try catalog.totals()
        guard totals.blockBytes <= configuration.maximumSizeBytes else {
            throw DepotError.holdsMoreThanMaximum(
                storedBytes: totals.blockBytes,
                maximumSizeBytes: configuration.maximumSizeBytes
            )
        }
        let ledger = Ledger(
            objects: totals.objects,
            storedBytes: totals.blockBytes,
            maximumSizeBytes: configuration.maximumSizeBytes
        )
        return NARDepot(
            OpenedParts(
                configuration: configuration,
                logger: logger,
                lock: lock,
                objects: objects,
                catalog: catalog,
                ledger: ledger,
                uses: UseJournal(lastTime: totals.lastUsedAt),
                onStep: onStep
            )
        )
    }

    /// Brings rows to rest that were changing when the process ended.
    private static func settle(_ catalog: SQLiteCatalog, _ objects: ObjectDirectory) throws {
        let unsettled = try catalog.unsettled()
        guard !unsettled.isEmpty else { return }
        var arrived: Set<Int64> = []
        var gone: Set<Int64> = []
        for (entry, state) in unsettled {
            let file = try objects.find("\(entry.key)")
            if state == .arriving && file?.sizeBytes == entry.sizeBytes {
                arrived.insert(entry.id)
            } else {
                try objects.remove(entry.key)
                gone.insert(entry.id)
            }
        }
        // Only what is durably gone may be forgotten, and only what durably came may be shown.
        try objects.sync()
        try catalog.settle(arrived: arrived, gone: gone)
    }

    /// Takes every file with a proper name into the catalog; what has another name is left alone.
    private static func rebuild(
        _ catalog: SQLiteCatalog,
        from objects: ObjectDirectory,
        _ logger: Logger
    ) throws {
        var count = 0
        try catalog.rebuild { insert in
            try objects.forEachCompleteName { name in
                guard let key = try? ObjectKey(parsing: name), let file = try objects.find(name)
                else {
                    logger.warning("not an object, and left alone: nar/\(name)")
                    return
                }
                try insert(key, file.sizeBytes, file.modifiedAt)
                count += 1
            }
        }
        if count > 0 { logger.notice("made the catalog from \(count) objects") }
    }
}
