// SPDX-License-Identifier: Apache-2.0
import Glibc
package import NixFormat

/// What is still to be sent to one cache, in a folder: it outlives processes and reboots.
///
/// An entry is an empty file named after its path, so that a path is never queued twice, that
/// anything able to make a file can queue one, and that no writer can leave half of an entry. Any
/// number of processes may add; one at a time sends, which holds the ``QueueLock``.
///
/// - Source: `docs/formats/push-queue.md`.
package struct PushQueue: Hashable, Sendable {
    package struct Failure: Error, Hashable, CustomStringConvertible {
        package let path: String
        package let code: Int32

        package var description: String {
            unsafe "\(path): \(String(cString: strerror(code)).lowercased())"
        }
    }

    /// The folder of this queue.
    package let directory: String

    /// Where entries are.
    package var entriesDirectory: String { "\(directory)/new" }

    /// Opens the queue of a cache, and makes it where there is none.
    ///
    /// - Parameters:
    ///   - state: Firn's folder of state.
    ///   - cache: Names the cache; without a slash.
    /// - Throws: ``Failure``.
    package init(state: String, cache: String) throws(Failure) {
        precondition(!cache.contains("/"), "a cache's name is one component of a path")
        directory = "\(state)/push/\(cache)"
        try Self.makeFolder("\(directory)/new")
    }

    /// With those above it.
    private static func makeFolder(_ path: String) throws(Failure) {
        // Paths are no secret: who can read the store can list them.
        if unsafe mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw Failure(path: path, code: errno)
        }
        try makeFolder(String(path[..<slash]))
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw Failure(path: path, code: errno)
        }
    }

    /// Queues a path; again does nothing.
    package func add(_ path: StorePath) throws(Failure) {
        let file = entryPath(path)
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        let descriptor = unsafe open(file, flags, 0o644)
        guard descriptor >= 0 else { throw Failure(path: file, code: errno) }
        close(descriptor)
    }

    /// All that is queued, in the order of names; files that are no entries are left alone.
    package func entries() throws(Failure) -> [StorePath] {
        guard let stream = unsafe opendir(entriesDirectory) else {
            throw Failure(path: entriesDirectory, code: errno)
        }
        defer { unsafe _ = closedir(stream) }
        var entries: [StorePath] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if let path = try? StorePath(parsing: name) { entries.append(path) }
        }
        return entries.sorted()
    }

    /// Takes a path out; one that is not in does nothing.
    package func remove(_ path: StorePath) throws(Failure) {
        let file = entryPath(path)
        guard unsafe unlink(file) == 0 || errno == ENOENT else {
            throw Failure(path: file, code: errno)
        }
    }

    private func entryPath(_ path: StorePath) -> String { "\(entriesDirectory)/\(path)" }
}

extension PushQueue {
    private var markPath: String { "\(directory)/arrivals" }

    /// Up to which id of Nix's database new paths were queued; `nil` when nobody has watched yet.
    func readMark() -> Int64? {
        let descriptor = unsafe open(markPath, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe read(descriptor, $0.baseAddress, $0.count)
        }
        guard count > 0 else { return nil }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return Int64(text.prefix { $0 != "\n" })
    }

    /// Remembers it, after the entries themselves have reached the disk.
    func writeMark(_ id: Int64) throws(Failure) {
        try sync(entriesDirectory)
        let aside = "\(markPath).new"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
        let descriptor = unsafe open(aside, flags, 0o644)
        guard descriptor >= 0 else { throw Failure(path: aside, code: errno) }
        let bytes = Array("\(id)\n".utf8)
        let written = unsafe bytes.withUnsafeBytes {
            unsafe write(descriptor, $0.baseAddress, $0.count)
        }
        let isThere = written == bytes.count && fsync(descriptor) == 0
        let code = errno
        close(descriptor)
        guard isThere else { throw Failure(path: aside, code: code) }
        guard unsafe rename(aside, markPath) == 0 else {
            throw Failure(path: markPath, code: errno)
        }
    }

    private func sync(_ folder: String) throws(Failure) {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(path: folder, code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Failure(path: folder, code: errno) }
    }
}
