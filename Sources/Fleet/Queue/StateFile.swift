// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Files below the state folder, by calls that say what went wrong.
enum StateFile {
    /// Makes a folder and those above it, for their owner alone.
    static func makeFolder(_ path: String) throws(FleetFolder.Failure) {
        if isFolder(path) { return }
        let above = (path as NSString).deletingLastPathComponent
        if above != path, !above.isEmpty { try makeFolder(above) }
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .init(path) }
        guard isFolder(path) else { throw .init(path, code: ENOTDIR) }
    }

    /// - Throws: Where this process may not write into the folder.
    static func requireWritable(_ path: String) throws(FleetFolder.Failure) {
        try makeFolder(path)
        guard unsafe access(path, R_OK | W_OK | X_OK) == 0 else { throw .init(path) }
    }

    /// - Throws: Where the folder is there, or might be, and cannot be read; absent is fine.
    static func requireReadable(_ path: String) throws(FleetFolder.Failure) {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else {
            if errno == ENOENT { return }
            throw .init(path)
        }
        // Nobody, not even root, may search a file that nobody may run.
        guard facts.st_mode & S_IFMT == S_IFDIR else { throw .init(path, code: ENOTDIR) }
        guard unsafe access(path, R_OK | X_OK) == 0 else { throw .init(path) }
    }

    /// Replaces a file as a whole, and comes back when it is on the disk.
    static func replace(_ path: String, with bytes: [UInt8]) throws(FleetFolder.Failure) {
        let descriptor = try makeLocked(path, with: bytes)
        close(descriptor)
    }

    /// The same, and holds the file's lock until the descriptor is closed, or its process has ended.
    static func makeLocked(
        _ path: String,
        with bytes: [UInt8]
    ) throws(FleetFolder.Failure) -> Int32 {
        let new = "\(path).\(getpid())-\(UInt32.random(in: 0 ... .max)).new"
        let descriptor = unsafe open(new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .init(path) }
        do throws(FleetFolder.Failure) {
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw .init(path) }
            try write(bytes, to: descriptor, path)
            guard fsync(descriptor) == 0, unsafe rename(new, path) == 0 else { throw .init(path) }
        } catch {
            unsafe unlink(new)
            close(descriptor)
            throw error
        }
        flushFolder(of: path)
        return descriptor
    }

    /// Runs the body while nobody else changes what the folder has.
    static func locked<Value>(
        _ folder: String,
        _ body: () throws -> Value
    ) throws -> Value {
        let path = "\(folder)/lock"
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw FleetFolder.Failure(path) }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw FleetFolder.Failure(path) }
        }
        return try body()
    }

    private static func write(
        _ bytes: [UInt8],
        to file: Int32,
        _ path: String
    ) throws(FleetFolder.Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .init(path) }
            rest = rest.dropFirst(count)
        }
    }

    private static func flushFolder(of path: String) {
        let folder = (path as NSString).deletingLastPathComponent
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return unsafe stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}

extension FleetFolder {
    /// What this machine is to remember cannot be written or read.
    package struct Failure: Error, Hashable, CustomStringConvertible {
        package let path: String
        package let code: Int32

        package init(_ path: String, code: Int32 = errno) {
            self.path = path
            self.code = code
        }

        package var description: String {
            let reason = unsafe String(cString: strerror(code)).lowercased()
            let remedy =
                code == ENOSPC || code == EDQUOT
                ? "make space there"
                : "give a folder of your own as server.state or in $FIRN_STATE"
            return "the state folder cannot be used: \(path): \(reason); \(remedy)"
        }
    }
}
