// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A directory that is held open; names are looked up beneath it.
final class Folder: Sendable {
    let path: String
    private let directory: OwnedDescriptor

    /// Opens a directory, made with its parents when missing: readable for its owner only.
    init(_ path: String) throws {
        self.path = path
        try Self.make(path)
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        directory = try OwnedDescriptor(descriptor, operation: "open", path: path)
    }

    private init(_ path: String, _ directory: consuming OwnedDescriptor) {
        self.path = path
        self.directory = directory
    }

    func create(_ name: String) throws -> OwnedDescriptor {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        let descriptor = unsafe openat(directory.number, name, flags, 0o600)
        return try OwnedDescriptor(descriptor, operation: "create", path: "\(path)/\(name)")
    }

    /// Opens a file to read it and to write to it, made when missing.
    ///
    /// `isAppended`: All writes go to its end.
    func openToWrite(_ name: String, isAppended: Bool = false) throws -> OwnedDescriptor {
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (isAppended ? O_APPEND : 0)
        let descriptor = unsafe openat(directory.number, name, flags, 0o600)
        return try OwnedDescriptor(descriptor, operation: "open", path: "\(path)/\(name)")
    }

    /// Waits until a file's bytes are on the disk, whoever has written them.
    func sync(_ name: String) throws {
        let descriptor = unsafe openat(directory.number, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        let file = try OwnedDescriptor(descriptor, operation: "open", path: "\(path)/\(name)")
        try file.sync(name: "\(path)/\(name)")
    }

    /// Opens a regular file for reading; `nil` when there is none of that name.
    func open(_ name: String) throws -> ObjectFile? {
        let descriptor = unsafe openat(directory.number, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        if descriptor < 0 && (errno == ENOENT || errno == ELOOP) { return nil }
        let file = try OwnedDescriptor(descriptor, operation: "open", path: "\(path)/\(name)")
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0 else {
            throw DepotError.fromErrno("stat", "\(path)/\(name)")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        return ObjectFile(file, name: name, sizeBytes: UInt64(status.st_size))
    }

    /// What a regular file is; `nil` when there is none of that name.
    func find(_ name: String) throws -> StoredStatus? {
        var status = stat()
        guard unsafe fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else { throw DepotError.fromErrno("stat", "\(path)/\(name)") }
            return nil
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        let modified = status.st_mtim
        return StoredStatus(
            sizeBytes: UInt64(status.st_size),
            modifiedAt: Int64(modified.tv_sec) * 1_000_000 + Int64(modified.tv_nsec) / 1000
        )
    }

    /// Moves a file into another folder, over what has the name there, in one step.
    func move(_ name: String, to folder: Folder, as target: String) throws {
        guard unsafe renameat(directory.number, name, folder.directory.number, target) == 0 else {
            throw DepotError.fromErrno("rename", "\(path)/\(name)")
        }
    }

    /// Makes a symlink; one that is there already is left as it is.
    func link(_ name: String, to target: String) throws {
        guard unsafe symlinkat(target, directory.number, name) == 0 || errno == EEXIST else {
            throw DepotError.fromErrno("link", "\(path)/\(name)")
        }
    }

    /// Removes a folder and all that is beneath it; symlinks are not followed.
    func removeTree(_ name: String) throws {
        let descriptor = unsafe openat(
            directory.number,
            name,
            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        )
        if descriptor < 0 && errno == ENOENT { return }
        let opened = try OwnedDescriptor(descriptor, operation: "open", path: "\(path)/\(name)")
        let inner = Folder("\(path)/\(name)", opened)
        var names: [String] = []
        try inner.forEachName { name, _ in names.append(name) }
        for name in names {
            if unsafe unlinkat(inner.directory.number, name, 0) == 0 || errno == ENOENT { continue }
            guard errno == EISDIR || errno == EPERM else {
                throw DepotError.fromErrno("remove", "\(inner.path)/\(name)")
            }
            try inner.removeTree(name)
        }
        guard unsafe unlinkat(directory.number, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
            throw DepotError.fromErrno("remove", "\(path)/\(name)")
        }
    }

    /// Removes a file; one that is gone already is fine.
    func remove(_ name: String) throws {
        guard unsafe unlinkat(directory.number, name, 0) == 0 || errno == ENOENT else {
            throw DepotError.fromErrno("remove", "\(path)/\(name)")
        }
    }

    /// Makes the names durable, those that came and those that went.
    func sync() throws {
        guard retryingInterrupts({ Int(fsync(directory.number)) }) == 0 else {
            throw DepotError.fromErrno("fsync", path)
        }
    }

    /// Goes through the names, in no order; says of each whether it may be a regular file.
    func forEachName(_ body: (String, Bool) throws -> Void) throws {
        guard let stream = unsafe opendir(path) else { throw DepotError.fromErrno("list", path) }
        defer { unsafe _ = closedir(stream) }
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let type = unsafe Int(entry.pointee.d_type)
            // Not every file system tells the type here.
            let mayBeFile = type == DT_REG || type == DT_UNKNOWN
            if name != "." && name != ".." { try body(name, mayBeFile) }
        }
        guard errno == 0 else { throw DepotError.fromErrno("list", path) }
    }

    private static func make(_ path: String) throws {
        guard unsafe mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw DepotError.fromErrno("make directory", path)
        }
        try make(String(path[..<slash]))
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw DepotError.fromErrno("make directory", path)
        }
    }
}
