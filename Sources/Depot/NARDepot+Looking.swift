// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixFormat

extension NARDepot {
    /// Whether a depot could be opened as it is, as far as that shows without changing it.
    ///
    /// It may be in use by another process. One that is not there yet is fine.
    ///
    /// - Throws: What opening it would refuse:
    ///   `DepotError.madeByNewerFirn(directory:)`,
    ///   `DepotError.madeForAnotherStore(directory:found:expected:)`,
    ///   `DepotError.holdsMoreThanMaximum(storedBytes:maximumSizeBytes:)`, or a failure of the disk.
    package static func look(_ configuration: DepotConfiguration) throws {
        let directory = configuration.directory
        try configuration.catalog.look()
        guard unsafe access(directory, F_OK) == 0 else { return }
        try checkStore(
            DirectoryObjectStore.read(.cacheInfo, beneath: directory),
            configuration
        )
        guard configuration.catalog == .sqlite else { return }
        let storedBytes =
            try catalogBytes(directory) ?? DirectoryObjectStore.blockBytes(beneath: directory)
        guard storedBytes <= configuration.maximumSizeBytes else {
            throw DepotError.holdsMoreThanMaximum(
                storedBytes: storedBytes,
                maximumSizeBytes: configuration.maximumSizeBytes
            )
        }
    }

    static func catalogBytes(_ directory: String) throws -> UInt64? {
        var lock: DirectoryLock?
        // Without the file nobody has ever opened it here, and none is to be made now.
        if unsafe access("\(directory)/lock", F_OK) == 0 {
            do {
                lock = try DirectoryLock(directory: directory)
            } catch DepotError.inUse {
                lock = nil
            }
        }
        return try withExtendedLifetime(lock) {
            try SQLiteCatalog.look(directory: directory, isShared: lock == nil)?.blockBytes
        }
    }
}

extension DirectoryObjectStore {
    /// What objects and their narinfos take, counted file by file; makes and changes nothing.
    fileprivate static func blockBytes(beneath path: String) throws -> UInt64 {
        guard unsafe access("\(path)/nar", F_OK) == 0 else { return 0 }
        let (root, objects) = (try Folder(path), try Folder("\(path)/nar"))
        var described: Set<StorePathHash> = []
        var bytes: UInt64 = 0
        try objects.forEachName { name, _ in
            guard let key = try? ObjectKey(parsing: name), let object = try objects.find(name)
            else { return }
            bytes += DiskBlocks.bytes(object.sizeBytes)
            guard described.insert(key.storeHash).inserted,
                let narInfo = try root.find("\(TextName.narInfo(key.storeHash))")
            else { return }
            bytes += DiskBlocks.bytes(narInfo.sizeBytes)
        }
        return bytes
    }
}
