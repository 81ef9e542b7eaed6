// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// A file of a user's configuration as it is, or the place where it would be.
struct SetupFile {
    /// As it was named.
    let path: String
    /// Where it lies: behind a link, if it is one.
    let target: String
    /// `nil` where it is not there.
    let bytes: [UInt8]?
    /// Of the file that is there.
    let mode: mode_t
    /// Of the file, or of the folder that it would be in.
    let owner: uid_t
    let group: gid_t
    /// Folders above it that are not there, the outermost first.
    let missingFolders: [String]

    var isLink: Bool { target != path && bytes != nil }

    static let largestBytes = 4 << 20
    private static let permissions: mode_t = 0o7777

    /// - Throws: ``UseError`` for what is no regular file, or lies in the Nix store.
    static func open(_ path: String) throws(UseError) -> SetupFile {
        var link = stat()
        guard unsafe lstat(path, &link) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else {
                throw .unreadable(path: path, reason: Self.reason)
            }
            return absent(path)
        }
        guard let pointer = unsafe realpath(path, nil) else {
            let manager = FileManager.default
            let next = (try? manager.destinationOfSymbolicLink(atPath: path)) ?? ""
            guard !next.hasPrefix("/nix/store/") else {
                throw .managedByNix(path: path, target: next)
            }
            throw .notRegular(path: path, what: "a link that leads nowhere")
        }
        let target = unsafe String(cString: pointer)
        unsafe free(pointer)
        // The path may be reached through links above it, which are nobody's surprise.
        let isLink = link.st_mode & S_IFMT == S_IFLNK
        if target.hasPrefix("/nix/store/") {
            throw .managedByNix(path: path, target: target)
        }
        let (bytes, facts) = try read(isLink ? target : path)
        return SetupFile(
            path: path,
            target: isLink ? target : path,
            bytes: bytes,
            mode: facts.st_mode & permissions,
            owner: facts.st_uid,
            group: facts.st_gid,
            missingFolders: []
        )
    }

    /// What root makes in somebody's home is theirs.
    private static func absent(_ path: String) -> SetupFile {
        let missing = missingFolders(above: path)
        var folder = stat()
        let isKnown = unsafe stat(parent(of: missing.first ?? path), &folder) == 0
        return SetupFile(
            path: path,
            target: path,
            bytes: nil,
            mode: 0,
            owner: isKnown ? folder.st_uid : geteuid(),
            group: isKnown ? folder.st_gid : getegid(),
            missingFolders: missing
        )
    }

    private static func read(_ path: String) throws(UseError) -> ([UInt8], stat) {
        // A pipe in its place would be waited for otherwise.
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: reason) }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0 else {
            throw .unreadable(path: path, reason: reason)
        }
        guard facts.st_mode & S_IFMT == S_IFREG else {
            let isFolder = facts.st_mode & S_IFMT == S_IFDIR
            throw .notRegular(path: path, what: isFolder ? "a folder" : "a device, pipe or socket")
        }
        do {
            let data = try handle.read(upToCount: largestBytes + 1) ?? Data()
            guard data.count <= largestBytes else {
                throw UseError.unreadable(path: path, reason: "it is larger than 4 MiB")
            }
            return (Array(data), facts)
        } catch let error as UseError {
            throw error
        } catch {
            throw .unreadable(path: path, reason: error.localizedReason)
        }
    }

    private static func missingFolders(above path: String) -> [String] {
        var folders: [String] = []
        var folder = parent(of: path)
        while folder.count > 1, unsafe access(folder, F_OK) != 0 {
            folders.insert(folder, at: 0)
            folder = parent(of: folder)
        }
        return folders
    }

    static func parent(of path: String) -> String {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    /// Whether it may be replaced, or made.
    ///
    /// - Throws: ``UseError/notWritable(path:reason:)``.
    func requireWritable() throws(UseError) {
        let outermost = missingFolders.first ?? target
        guard unsafe access(Self.parent(of: outermost), W_OK | X_OK) == 0 else {
            throw .notWritable(path: path, reason: Self.reason)
        }
        guard unsafe bytes == nil || access(target, W_OK) == 0 else {
            throw .notWritable(path: path, reason: Self.reason)
        }
    }

    static var reason: String { unsafe String(cString: strerror(errno)).lowercased() }
}
