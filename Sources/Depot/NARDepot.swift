// SPDX-License-Identifier: Apache-2.0
import Logging
import NixFormat
import Synchronization

/// The NARs that Firn keeps: immutable objects with a narinfo each, and a catalog of them.
///
/// The contract, and what the disk looks like at each moment, are in `docs/formats/depot.md`:
/// - An object is seen by nobody before its commit has returned, and never changes afterwards.
/// - A narinfo never names an object that is not there.
/// - The process may be killed anywhere: opening again is all the repair there is, and it takes time
///   that does not grow with the number of objects.
/// - Objects, narinfos, what is unfinished and spools together never take more than the configured
///   size. What was used least recently makes room, but nothing that is being read.
/// - One writer a key: a second one is refused while the first has not ended.
///
/// Every call may wait for the disk: callers run them on threads of their own. All of them may come
/// from any number of threads at once.
package final class NARDepot: Sendable {
    package let configuration: DepotConfiguration
    /// What had to be put in order when it was opened.
    package let opening: DepotOpening

    let logger: Logger
    let objects: any ObjectStore
    let catalog: any Catalog
    let ledger: Ledger
    let uses: UseJournal
    let memberUses: UseJournal
    let onStep: @Sendable (DepotStep) throws -> Void
    let narInfoLocks = NARInfoLocks()
    /// For whoever keeps answers in memory.
    package let changes = DepotChanges()
    // Held around everything between choosing an object that goes and its file being gone. Nothing
    // else is awaited while holding it but the catalog, the lock on a narinfo, and the ledger's own.
    let departures = Mutex(UnsyncedDepartures())
    /// Uploads that go on where they were when the process is killed.
    let partials = PartialUploads()
    /// Goes first when room is needed.
    package let deltas: DeltaShelf
    // Held around what makes, changes or deletes a cache; taken before all others.
    let cacheChanges = Mutex(())
    /// What bounds spools besides, where objects lie elsewhere.
    let localRoom: LocalRoom?
    private let owner: (any Sendable)?

    init(_ parts: consuming OpenedParts) {
        configuration = parts.configuration
        opening = parts.opening
        logger = parts.logger
        owner = parts.owner
        objects = parts.objects
        catalog = parts.catalog
        ledger = parts.ledger
        uses = parts.uses
        memberUses = parts.memberUses
        onStep = parts.onStep
        localRoom = parts.localRoom
        // They lie on this machine, wherever the objects are.
        let local = parts.localRoom?.maximumBytes ?? .max
        deltas = DeltaShelf(
            directory: configuration.directory,
            maximumSizeBytes: min(configuration.maximumSizeBytes, local),
            ledger: ledger
        )
    }

    deinit { flushUses() }

    /// What is kept under a key for everybody; `nil` when it is not here, or for members of caches
    /// alone.
    ///
    /// Does not count as a use.
    package func find(_ key: ObjectKey) throws -> ObjectInfo? {
        guard let entry = try catalog.find(key), !entry.record.isClosed else { return nil }
        return try complete(entry)
    }

    /// What a row says, with what it lacks; `nil` when its object is not there after all.
    func complete(_ entry: CatalogEntry) throws -> ObjectInfo? {
        let key = entry.key
        if let fileHash = entry.record.fileHash,
            try objects.find(key)?.sizeBytes == entry.sizeBytes
        {
            return ObjectInfo(key: key, sizeBytes: entry.sizeBytes, fileHash: fileHash)
        }
        return try withPresent(key) { info, _, _ in info }
    }

    /// Opens an object that is there for everybody, and notes that it was used; `nil` when it is not
    /// here.
    package func open(_ key: ObjectKey) throws -> OpenObject? {
        guard let entry = try catalog.find(key), !entry.record.isClosed else { return nil }
        return try openAny(key)
    }

    /// The same with those that are there for members of caches alone.
    func openAny(_ key: ObjectKey) throws -> OpenObject? {
        try withPresent(key) { info, contents, reading in
            uses.note(reading.id, flushingWith: catalog, logger)
            return OpenObject(info: info, contents: contents, reading: reading)
        }
    }

    /// Starts to write an object.
    ///
    /// - Throws: `DepotError.alreadyStored(_:)` or `DepotError.alreadyBeingWritten(_:)`: objects
    ///   never change, and each is made once; `DepotError.diskFull`, or a failure of the disk.
    package func begin(_ key: ObjectKey) throws -> PendingObject {
        guard ledger.beginWriting(key) else { throw DepotError.alreadyBeingWritten(key) }
        do {
            guard try find(key) == nil else { throw DepotError.alreadyStored(key) }
            // An eviction of the same key may have hidden it already and not removed its file yet.
            departures.withLock { _ in }
            return PendingObject(key: key, writer: try objects.begin(key), depot: self)
        } catch {
            ledger.endWriting(key)
            throw error
        }
    }

    /// Removes an object, even one that is being read: its readers are not disturbed.
    ///
    /// - Returns: Whether it was here.
    @discardableResult
    package func remove(_ key: ObjectKey) throws -> Bool {
        guard let entry = try catalog.find(key) else { return false }
        return try !depart([entry], evenIfOpen: true).isEmpty
    }

    package func usage() -> DepotUsage { ledger.usage }

    /// The keys of what is kept, in the order of their text.
    ///
    /// - Parameters:
    ///   - after: Where the last page ended; `nil` starts at the beginning.
    ///   - limit: How many keys at most.
    /// - Returns: A page; one with fewer keys than the limit is the last.
    /// - Throws: `DepotError.catalogUnavailable(_:)`.
    package func list(after: ObjectKey? = nil, limit: Int) throws -> [ObjectKey] {
        try catalog.list(after: after, limit: limit).map(\.key)
    }

    /// Writes down which objects were used since the last time; else that happens now and then.
    package func flushUses() {
        uses.flush(to: catalog, logger)
        memberUses.flush(to: catalog, logger)
    }
}
