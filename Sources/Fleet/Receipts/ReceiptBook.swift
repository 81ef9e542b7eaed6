// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Foundation
import Glibc

/// The receipts that are kept on the machine that deploys: a file of lines for each host.
///
/// Any number of processes may write and read at once. When a file has grown to its bound it becomes
/// `HOST.old.jsonl`, in place of the one before: the newest thousands of each host are there.
///
/// - Source: `docs/formats/receipts.md`.
package struct ReceiptBook: Hashable, Sendable {
    package struct Failure: Error, Hashable, CustomStringConvertible {
        package let path: String
        package let code: Int32

        package var description: String {
            unsafe "\(path): \(String(cString: strerror(code)).lowercased())"
        }
    }

    /// What was read, and how much could not be.
    package struct Reading: Sendable {
        /// Oldest first.
        package var receipts: [Receipt] = []
        /// Lines that are no receipts: cut off by a full disk, or of another programme.
        package var unreadableLines = 0
    }

    /// The bound of one file.
    package static let mostFileBytes = 4 << 20

    /// The folder.
    package let directory: String

    /// - Parameter state: Firn's folder of state; nothing is made yet.
    package init(state: String) {
        directory = "\(state)/receipts"
    }

    /// Adds a receipt to those of a host.
    ///
    /// - Throws: ``Failure``.
    package func append(_ receipt: Receipt, of host: HostName) throws {
        try makeFolder(directory)
        let bytes = try FirnJSON.write(receipt) + [UInt8(ascii: "\n")]
        let path = "\(directory)/\(host).jsonl"
        let lock = try openFile("\(directory)/lock", O_RDWR | O_CREAT)
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else { throw failure(path) }
        }
        let file = try openFile(path, O_WRONLY | O_CREAT | O_APPEND)
        defer { close(file) }
        let size = lseek(file, 0, SEEK_END)
        try write(bytes, to: file, path)
        if Int(size) + bytes.count > Self.mostFileBytes {
            let old = "\(directory)/\(host).old.jsonl"
            guard unsafe rename(path, old) == 0 else { throw failure(old) }
        }
    }

    /// All receipts of these hosts, or of all.
    ///
    /// - Throws: ``Failure``; a folder that is not there has no receipts.
    package func read(_ hosts: Set<HostName>? = nil) throws -> Reading {
        var reading = Reading()
        for name in try fileNames() {
            guard let host = Self.host(of: name), hosts?.contains(host) ?? true else { continue }
            let path = "\(directory)/\(name)"
            guard let data = FileManager.default.contents(atPath: path) else {
                throw Failure(path: path, code: unsafe access(path, R_OK) == 0 ? EIO : errno)
            }
            for line in data.split(separator: UInt8(ascii: "\n")) {
                if let receipt = try? FirnJSON.parse(line, as: Receipt.self) {
                    reading.receipts.append(receipt)
                } else {
                    reading.unreadableLines += 1
                }
            }
        }
        reading.receipts.sort { one, other in
            (one.startedAt.date, one.id) < (other.startedAt.date, other.id)
        }
        return reading
    }

    /// The hosts that have receipts.
    ///
    /// - Throws: ``Failure``.
    package func hosts() throws -> Set<HostName> { Set(try fileNames().compactMap(Self.host)) }

    /// How much of a file is read for its last lines.
    private static let tailBytes = 128 << 10

    /// The newest receipts of each host that has any, newest first; reads the ends of files only.
    ///
    /// `count`: How many of a host, at most.
    ///
    /// - Throws: ``Failure``; a folder that is not there has no receipts.
    package func newest(_ count: Int) throws -> [HostName: [Receipt]] {
        var newest: [HostName: [Receipt]] = [:]
        for name in try fileNames() where !name.hasSuffix(".old.jsonl") {
            guard let host = Self.host(of: name) else { continue }
            let lines = try tail(of: "\(directory)/\(name)").split(separator: UInt8(ascii: "\n"))
            let receipts = lines.suffix(count).reversed().compactMap {
                try? FirnJSON.parse($0, as: Receipt.self)
            }
            if !receipts.isEmpty { newest[host] = receipts }
        }
        return newest
    }

    private func tail(of path: String) throws -> Data {
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            let end = try file.seekToEnd()
            try file.seek(toOffset: end > Self.tailBytes ? end - UInt64(Self.tailBytes) : 0)
            return try file.read(upToCount: Self.tailBytes) ?? Data()
        } catch {
            throw Failure(path: path, code: errno == 0 ? EIO : errno)
        }
    }

    private func fileNames() throws -> [String] {
        guard unsafe access(directory, F_OK) == 0 else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        } catch {
            throw Failure(path: directory, code: EACCES)
        }
    }

    private static func host(of name: String) -> HostName? {
        guard name.hasSuffix(".jsonl") else { return nil }
        let stem = name.dropLast(6)
        return try? HostName(parsing: stem.hasSuffix(".old") ? stem.dropLast(4) : stem)
    }

    private func openFile(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = unsafe open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        shareWithDaemon(descriptor, mode: 0o640)
        return descriptor
    }

    /// Lets the group of the state folder read what root has made there.
    ///
    /// The daemon may run as a user of its own, and shows the receipts; they are not its to write.
    private func shareWithDaemon(_ descriptor: Int32, mode: mode_t) {
        var facts = stat()
        let state = URL(filePath: directory).deletingLastPathComponent().path()
        guard geteuid() == 0, unsafe stat(state, &facts) == 0, facts.st_uid != 0,
            fchown(descriptor, 0, facts.st_gid) == 0
        else { return }
        fchmod(descriptor, mode)
    }

    private func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(path) }
            rest = rest.dropFirst(count)
        }
    }

    private func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw Failure(path: path, code: errno == 0 ? EACCES : errno)
        }
        let folder = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard folder >= 0 else { throw failure(path) }
        shareWithDaemon(folder, mode: 0o750)
        close(folder)
    }

    private func failure(_ path: String) -> Failure { Failure(path: path, code: errno) }
}
