// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The files of a depot: complete ones under `nar/`, unfinished ones under `unfinished/`.
///
/// Names are made of keys that were parsed, and looked up beneath directories that are held open.
final class ObjectDirectory: Sendable {
    private let path: String
    private let complete: OwnedDescriptor
    private let unfinished: OwnedDescriptor

    /// Makes what is missing; removes nothing.
    init(_ path: String) throws {
        self.path = path
        complete = try Self.openDirectory("\(path)/nar")
        unfinished = try Self.openDirectory("\(path)/unfinished")
    }

    func createUnfinished(_ name: String) throws -> OwnedDescriptor {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        let descriptor = unsafe openat(unfinished.number, name, flags, 0o600)
        return try OwnedDescriptor(descriptor, operation: "create", path: "unfinished/\(name)")
    }

    /// Moves a finished file to its final name, in one step.
    func publish(_ name: String, as key: ObjectKey) throws {
        let target = "\(key)"
        guard unsafe renameat(unfinished.number, name, complete.number, target) == 0 else {
            throw DepotError.fromErrno("rename", "unfinished/\(name)")
        }
    }

    /// Makes the names under `nar/` durable, those that came and those that went.
    func sync() throws {
        guard retryingInterrupts({ Int(fsync(complete.number)) }) == 0 else {
            throw DepotError.fromErrno("fsync", "nar")
        }
    }

    /// Opens a complete object; `nil` when it is missing or does not have this length.
    func open(_ key: ObjectKey, expecting sizeBytes: UInt64) throws -> OwnedDescriptor? {
        let name = "\(key)"
        let descriptor = unsafe openat(complete.number, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        if descriptor < 0 && (errno == ENOENT || errno == ELOOP) { return nil }
        let file = try OwnedDescriptor(descriptor, operation: "open", path: "nar/\(name)")
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0 else {
            throw DepotError.fromErrno("stat", "nar/\(name)")
        }
        let isIntact = status.st_mode & S_IFMT == S_IFREG && UInt64(status.st_size) == sizeBytes
        guard isIntact else { return nil }
        return file
    }

    /// What a complete object's file is; `nil` when there is none.
    func find(_ name: String) throws -> FileStatus? {
        var status = stat()
        guard unsafe fstatat(complete.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else { throw DepotError.fromErrno("stat", "nar/\(name)") }
            return nil
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        let modified = status.st_mtim
        return FileStatus(
            sizeBytes: UInt64(status.st_size),
            modifiedAt: Int64(modified.tv_sec) * 1_000_000 + Int64(modified.tv_nsec) / 1000
        )
    }

    /// Removes a complete object; one that is gone already is fine.
    func remove(_ key: ObjectKey) throws {
        try Self.unlink("\(key)", beneath: complete.number)
    }

    /// Removes an unfinished file; one that is gone already is fine.
    func removeUnfinished(_ name: String) throws {
        try Self.unlink(name, beneath: unfinished.number)
    }

    /// Removes what writers left behind when the process ended; nobody may be writing.
    func removeAllUnfinished() throws {
        try forEachName(beneath: "unfinished") { try removeUnfinished($0) }
    }

    /// Goes through the names under `nar/`, in no order.
    func forEachCompleteName(_ body: (String) throws -> Void) throws {
        try forEachName(beneath: "nar", body)
    }

    private func forEachName(beneath name: String, _ body: (String) throws -> Void) throws {
        let directory = "\(path)/\(name)"
        guard let stream = unsafe opendir(directory) else {
            throw DepotError.fromErrno("list", directory)
        }
        defer { unsafe _ = closedir(stream) }
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { try body(name) }
        }
        guard errno == 0 else { throw DepotError.fromErrno("list", directory) }
    }

    private static func unlink(_ name: String, beneath directory: Int32) throws {
        guard unsafe unlinkat(directory, name, 0) == 0 || errno == ENOENT else {
            throw DepotError.fromErrno("remove", name)
        }
    }

    /// Opens a directory, made with its parents when missing: readable for its owner only.
    static func openDirectory(_ path: String) throws -> OwnedDescriptor {
        try makeDirectory(path)
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        return try OwnedDescriptor(descriptor, operation: "open", path: path)
    }

    private static func makeDirectory(_ path: String) throws {
        guard unsafe mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw DepotError.fromErrno("make directory", path)
        }
        try makeDirectory(String(path[..<slash]))
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw DepotError.fromErrno("make directory", path)
        }
    }
}

/// What is known of a file without opening it.
struct FileStatus {
    let sizeBytes: UInt64
    /// Microseconds of Unix time.
    let modifiedAt: Int64
}
