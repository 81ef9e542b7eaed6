// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixFormat

/// Nix's own way to keep paths from being collected: a file of this process, locked while it lives.
///
/// - Shape: `temproots/PID` in the state directory: store paths, each followed by NUL. A collector
///   reads it once, while it holds `gc.lock` exclusively, and after that takes further roots at
///   its socket.
/// - Source: `LocalStore::addTempRoot` and `findTempRoots` in Nix's `gc.cc`, the same from 2.8 to
///   2.36.
final class TempRootsFile {
    private let file: FileLock
    private let collectorLock: FileLock
    private let directory: StoreDirectory
    private var contents: Set<StorePath> = []
    private var sizeBytes = 0

    /// Creates and locks the file.
    ///
    /// - Throws: ``SystemError`` where this process may not do that.
    init(stateDirectory: String, directory: StoreDirectory) throws {
        self.directory = directory
        collectorLock = try FileLock(path: stateDirectory + "/gc.lock")
        let folder = stateDirectory + "/temproots"
        if unsafe mkdir(folder, 0o755) != 0, errno != EEXIST { throw SystemError(code: errno) }
        file = try Self.lockFile(in: folder)
    }

    /// Appends the path, unless it is there already.
    ///
    /// It is safe from every collection that starts later.
    ///
    /// - Returns: Whether no collection is running now; a running one has to be told.
    func add(_ path: StorePath) throws -> Bool {
        if !contents.contains(path) {
            try write([path], at: sizeBytes)
            contents.insert(path)
        }
        return isNoCollectionRunning
    }

    var isNoCollectionRunning: Bool {
        guard collectorLock.take(.shared) else { return false }
        collectorLock.release()
        return true
    }

    /// Leaves only some of the paths, unless a collector might be reading them.
    ///
    /// - Returns: Whether it was done.
    func keep(_ isNeeded: (StorePath) -> Bool) throws -> Bool {
        guard collectorLock.take(.shared) else { return false }
        defer { collectorLock.release() }
        let kept = contents.filter(isNeeded)
        guard kept.count < contents.count else { return true }
        // Less than there is, so even a full disk has room for it.
        try write(Array(kept), at: 0)
        contents = kept
        guard ftruncate(file.descriptor, sizeBytes) == 0 else { throw SystemError(code: errno) }
        return true
    }

    private func write(_ paths: [StorePath], at offset: Int) throws {
        var records: [UInt8] = []
        for path in paths {
            records += directory.path(of: path).utf8
            records.append(0)
        }
        let count = unsafe pwrite(file.descriptor, records, records.count, offset)
        guard count == records.count else {
            let code = count < 0 ? errno : ENOSPC
            // Half a record would run into the next one.
            if offset == sizeBytes { ftruncate(file.descriptor, sizeBytes) }
            throw SystemError(code: code)
        }
        sizeBytes = offset + count
    }

    /// The file is named after the process.
    ///
    /// Where containers share a store, another process may have our number, and its file must not
    /// be touched; Nix 2.8 reads the number in front of such a name, too.
    private static func lockFile(in directory: String) throws -> FileLock {
        for attempt in 0..<1_000 {
            let suffix = attempt == 0 ? "" : "-firn\(attempt)"
            let path = "\(directory)/\(getpid())\(suffix)"
            let file = try FileLock(path: path)
            guard file.take(.exclusive) else { continue }
            // A collector may have removed the file between our opening and locking it.
            var status = stat()
            guard unsafe fstat(file.descriptor, &status) == 0, status.st_nlink > 0 else { continue }
            guard ftruncate(file.descriptor, 0) == 0 else { throw SystemError(code: errno) }
            return file
        }
        throw SystemError(code: EWOULDBLOCK)
    }
}
