// SPDX-License-Identifier: Apache-2.0
import Foundation
package import Logging
import NixFormat

/// What a depot is made of, once it is known to be in order.
struct OpenedParts {
    let configuration: DepotConfiguration
    let opening: DepotOpening
    let logger: Logger
    let owner: (any Sendable)?
    let objects: any ObjectStore
    let catalog: any Catalog
    let ledger: Ledger
    let uses: UseJournal
    let memberUses: UseJournal
    let onStep: @Sendable (DepotStep) throws -> Void
    let localRoom: LocalRoom?
}

/// What opening a depot had to put in order.
package struct DepotOpening: Hashable, Sendable {
    /// Unfinished files that were removed.
    package var leftovers: Int
    /// Objects that were coming or going when the process ended.
    package var unsettledObjects: Int
    /// Paths of caches that were coming or going then.
    package var unsettledMembers: Int
    /// How many objects a new catalog was made from; `nil` when there was a good one.
    package var rebuiltObjects: Int?
    /// And from how many narinfos of named caches.
    package var rebuiltPaths: Int?

    package init(
        leftovers: Int = 0,
        unsettledObjects: Int = 0,
        unsettledMembers: Int = 0,
        rebuiltObjects: Int? = nil,
        rebuiltPaths: Int? = nil
    ) {
        self.leftovers = leftovers
        self.unsettledObjects = unsettledObjects
        self.unsettledMembers = unsettledMembers
        self.rebuiltObjects = rebuiltObjects
        self.rebuiltPaths = rebuiltPaths
    }
}

extension NARDepot {
    /// Opens a depot in a directory, which nobody else may have open, and makes it when missing.
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
    ///   `DepotError.madeByNewerFirn(directory:)`, `DepotError.catalogUnavailable(_:)`,
    ///   `DepotError.madeForAnotherStore(directory:found:expected:)`,
    ///   `DepotError.holdsMoreThanMaximum(storedBytes:maximumSizeBytes:)`, or a failure of the disk.
    package static func open(
        _ configuration: DepotConfiguration,
        logger: Logger,
        onStep: @escaping @Sendable (DepotStep) throws -> Void = { _ in }
    ) throws -> NARDepot {
        let directory = configuration.directory
        try checkStore(
            DirectoryObjectStore.read(.cacheInfo, beneath: directory),
            configuration
        )
        let lock = try DirectoryLock(directory: try Folder(directory).path)
        let catalog = try configuration.catalog.open(directory: directory, logger: logger) {
            try PostgresMark(directory: directory).place()
        }
        return try open(
            configuration,
            objects: DirectoryObjectStore(directory, onStep: onStep),
            catalog: catalog,
            owner: lock,
            logger: logger,
            onStep: onStep
        )
    }

    /// Opens a depot over storage and a catalog that nobody else uses.
    ///
    /// - Parameters:
    ///   - configuration: Its directory is used for spools.
    ///   - objects: Where objects and narinfos lie.
    ///   - catalog: Their index.
    ///   - owner: What keeps others out; let go with the depot.
    ///   - localRoom: What bounds spools besides, where objects lie elsewhere.
    ///   - logger: Told of repairs and evictions.
    ///   - onStep: Told of what the depot itself does.
    /// - Returns: The depot, which keeps all of them.
    /// - Throws: As for a directory.
    package static func open(
        _ configuration: DepotConfiguration,
        objects: any ObjectStore,
        catalog: any Catalog,
        owner: (any Sendable)? = nil,
        localRoom: LocalRoom? = nil,
        logger: Logger,
        onStep: @escaping @Sendable (DepotStep) throws -> Void = { _ in }
    ) throws -> NARDepot {
        let cacheInfo = try objects.read(.cacheInfo)
        try checkStore(cacheInfo, configuration)
        var opening = DepotOpening()
        var opener = DepotOpener(configuration, objects, catalog, logger)
        if try !catalog.isComplete() {
            opening.rebuiltPaths = try opener.rebuildCaches()
            opening.rebuiltObjects = try opener.rebuild()
        }
        let unsettled = try opener.lookAtUnsettled()
        let present = try catalog.totals()
        guard present.blockBytes + opener.arrivedBytes <= configuration.maximumSizeBytes else {
            throw DepotError.holdsMoreThanMaximum(
                storedBytes: present.blockBytes + opener.arrivedBytes,
                maximumSizeBytes: configuration.maximumSizeBytes
            )
        }
        // Nothing that is kept was touched before this line.
        opening.unsettledObjects = unsettled
        try opener.settle()
        opening.unsettledMembers = try opener.settleMembers()
        opening.leftovers = try objects.removeUnfinished()
        if cacheInfo == nil {
            try objects.replace(.cacheInfo, with: cacheInfoText(configuration))
        }
        let isSettled = unsettled == 0 && opening.unsettledMembers == 0
        let totals = isSettled ? present : try catalog.totals()
        let depot = NARDepot(
            OpenedParts(
                configuration: configuration,
                opening: opening,
                logger: logger,
                owner: owner,
                objects: objects,
                catalog: catalog,
                ledger: Ledger(
                    objects: totals.objects,
                    storedBytes: totals.blockBytes,
                    maximumSizeBytes: configuration.maximumSizeBytes
                ),
                uses: UseJournal(of: .objects, lastTime: totals.lastUsedAt),
                memberUses: UseJournal(of: .members, lastTime: totals.lastUsedAt),
                onStep: onStep,
                localRoom: localRoom
            )
        )
        try depot.deltas.load()
        try depot.adoptPartials(now: Int64(Date().timeIntervalSince1970))
        return depot
    }

    /// 40 is what stands behind public caches, as this is for who reads the folder itself.
    private static func cacheInfoText(_ configuration: DepotConfiguration) -> [UInt8] {
        CacheInfo(
            storeDirectory: configuration.storeDirectory,
            wantsMassQuery: true,
            priority: 40
        ).write()
    }

    static func checkStore(
        _ text: [UInt8]?,
        _ configuration: DepotConfiguration
    ) throws {
        guard let text else { return }
        let info = try? CacheInfo(parsing: String(decoding: text, as: UTF8.self))
        guard info?.storeDirectory != configuration.storeDirectory else { return }
        throw DepotError.madeForAnotherStore(
            directory: configuration.directory,
            found: info?.storeDirectory,
            expected: configuration.storeDirectory
        )
    }
}

/// Brings objects, narinfos and rows together while nobody uses them.
struct DepotOpener {
    let configuration: DepotConfiguration
    let objects: any ObjectStore
    let catalog: any Catalog
    let logger: Logger
    private var arrived: [(entry: CatalogEntry, narInfoSizeBytes: UInt64)] = []
    private var gone: [CatalogEntry] = []

    init(
        _ configuration: DepotConfiguration,
        _ objects: any ObjectStore,
        _ catalog: any Catalog,
        _ logger: Logger
    ) {
        self.configuration = configuration
        self.objects = objects
        self.catalog = catalog
        self.logger = logger
    }

    /// What ``settle()`` will show in addition to what is present.
    var arrivedBytes: UInt64 {
        arrived.reduce(0) {
            $0 + DiskBlocks.bytes($1.entry.sizeBytes) + DiskBlocks.bytes($1.narInfoSizeBytes)
        }
    }

    /// Takes every object with a proper name into the catalog; what has another name is left alone.
    func rebuild() throws -> Int {
        var count = 0
        try catalog.rebuild { insert in
            try objects.forEachName { name in
                guard case .object(let key) = name, let status = try objects.find(key) else {
                    if case .foreign(let path) = name {
                        logger.warning("not an object, and left alone: \(path)")
                    }
                    return
                }
                try insert(
                    CatalogRecord(
                        key: key,
                        sizeBytes: status.sizeBytes,
                        fileHash: nil,
                        narInfoSizeBytes: narInfoSize(naming: key) ?? 0,
                        usedAt: status.modifiedAt
                    )
                )
                count += 1
            }
        }
        if count > 0 { logger.notice("made the catalog from \(count) objects") }
        return count
    }

    /// Decides about rows that were changing when the process ended; changes nothing.
    ///
    /// - Returns: How many there are.
    mutating func lookAtUnsettled() throws -> Int {
        let unsettled = try catalog.unsettled()
        for entry in unsettled {
            // The narinfo is the last thing an object gets: with it, all of it is there.
            if entry.state == .arriving, let size = try narInfoSize(naming: entry.key),
                try objects.find(entry.key)?.sizeBytes == entry.sizeBytes
            {
                arrived.append((entry, size))
            } else {
                gone.append(entry)
            }
        }
        return unsettled.count
    }

    /// Shows what is whole and removes the rest: narinfos first.
    func settle() throws {
        guard !arrived.isEmpty || !gone.isEmpty else { return }
        for entry in gone where try narInfoSize(naming: entry.key) != nil {
            try objects.remove(.narInfo(entry.key.storeHash))
        }
        try objects.sync()
        for entry in gone { try objects.remove(entry.key) }
        // Only what is durably gone may be forgotten, and only what durably came may be shown.
        try objects.sync()
        for (entry, size) in arrived {
            _ = try catalog.setNARInfoSize(size, of: entry.id, among: entry.key.storeHash)
            try catalog.markPresent(entry.id, deleting: [])
        }
        try catalog.delete(Set(gone.map(\.id)))
    }

    /// The length of a narinfo that names this object.
    private func narInfoSize(naming key: ObjectKey) throws -> UInt64? {
        guard let text = try objects.read(.narInfo(key.storeHash)),
            let narInfo = try? NARInfo(
                parsing: text,
                storeDirectory: configuration.storeDirectory
            ),
            narInfo.objectKey == key
        else { return nil }
        return UInt64(text.count)
    }
}
