// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
package import NixFormat

/// Key files as Nix writes and reads them.
package enum SecretKeyFile {
    /// A key is about 100 bytes and its name; what is larger is some other file.
    private static let largestBytes = 4_096
    private static let pipeWaitMilliseconds: Int32 = 5_000

    /// Reads the secret key of a file.
    package static func read(_ path: String) throws(KeyFileError) -> SecretKey {
        try read(openWithoutWaiting(path), path: path)
    }

    /// Opens a file of secrets; a pipe is given a little time to be filled.
    static func openWithoutWaiting(_ path: String) throws(KeyFileError) -> FileHandle {
        // Opening a named pipe that nobody writes to would wait for ever.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw .unreadable(
                path: path,
                reason: unsafe String(cString: strerror(errno)).lowercased()
            )
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try awaitPipe(descriptor, path)
        return handle
    }

    /// Gives whoever writes to a pipe a little time; does nothing with a file.
    private static func awaitPipe(_ descriptor: Int32, _ path: String) throws(KeyFileError) {
        guard FileFacts(of: descriptor)?.isPipe == true else { return }
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&wanted, 1, pipeWaitMilliseconds) > 0 else {
            throw .unreadable(path: path, reason: "it is a pipe, and nothing comes out of it")
        }
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK)
    }

    /// Reads the secret key of an open file; the path is for messages only.
    static func read(
        _ handle: FileHandle,
        path: String
    ) throws(KeyFileError) -> SecretKey {
        var bytes = Data()
        do {
            // A pipe hands out what it has, so one read may be short.
            while bytes.count <= largestBytes,
                let more = try handle.read(upToCount: largestBytes + 1 - bytes.count),
                !more.isEmpty
            { bytes.append(more) }
        } catch {
            throw .unreadable(path: path, reason: error.localizedReason)
        }
        guard bytes.count <= largestBytes else {
            throw .unreadable(path: path, reason: "it is larger than \(largestBytes) bytes")
        }
        do {
            return try SecretKey(parsing: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw .malformed(path: path, error)
        }
    }

    /// Whether users that are neither the owner nor in the group may read the file.
    package static func isWorldReadable(_ path: String) -> Bool {
        guard let facts = FileFacts(of: path) else { return false }
        return facts.permissions & S_IROTH != 0
    }

    /// Writes a secret key that only its owner may read, and its public key beside it.
    ///
    /// Either both files are there afterwards or neither is, and neither has replaced another;
    /// after a crash there may be the secret without the public one, never half of a secret. As in
    /// Nix's own key files, no line end follows.
    package static func make(
        _ key: SecretKey,
        secretPath: String,
        publicPath: String
    ) throws(KeyFileError) {
        for path in [secretPath, publicPath] where FileManager.default.fileExists(atPath: path) {
            throw .alreadyThere(path: path)
        }
        try NewFile.write(key.secretText(), to: secretPath, mode: 0o600)
        do {
            try NewFile.write(key.publicKey.description, to: publicPath, mode: 0o644)
        } catch {
            unsafe unlink(secretPath)
            throw error
        }
    }
}
