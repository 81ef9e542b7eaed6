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
                throw Failure(path: path, code: EIO)
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
        return descriptor
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
    }

    private func failure(_ path: String) -> Failure { Failure(path: path, code: errno) }
}
