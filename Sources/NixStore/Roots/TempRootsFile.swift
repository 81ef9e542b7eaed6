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
    private var sizeBytes = 0

    /// Creates and locks the file.
    ///
    /// - Throws: ``SystemError`` where this process may not do that.
    init(stateDirectory: String) throws {
        collectorLock = try FileLock(path: stateDirectory + "/gc.lock")
        let directory = stateDirectory + "/temproots"
        if unsafe mkdir(directory, 0o755) != 0, errno != EEXIST { throw SystemError(code: errno) }
        file = try Self.lockFile(in: directory)
    }

    /// Appends the path.
    ///
    /// It is safe from every collection that starts later.
    ///
    /// - Returns: Whether no collection is running now; a running one has to be told.
    func add(_ path: String) throws -> Bool {
        try append(path)
        return isNoCollectionRunning
    }

    var isNoCollectionRunning: Bool {
        guard collectorLock.take(.shared) else { return false }
        collectorLock.release()
        return true
    }

    /// Replaces the contents, unless a collector might be reading them.
    ///
    /// - Returns: Whether it was done.
    func rewrite(_ paths: [String]) throws -> Bool {
        guard collectorLock.take(.shared) else { return false }
        defer { collectorLock.release() }
        guard ftruncate(file.descriptor, 0) == 0 else { throw SystemError(code: errno) }
        sizeBytes = 0
        for path in paths { try append(path) }
        return true
    }

    private func append(_ path: String) throws {
        let record = Array(path.utf8) + [0]
        let count = unsafe pwrite(file.descriptor, record, record.count, sizeBytes)
        guard count == record.count else {
            let code = count < 0 ? errno : ENOSPC
            // Half a record would run into the next one.
            ftruncate(file.descriptor, sizeBytes)
            throw SystemError(code: code)
        }
        sizeBytes += count
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
