// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Keeps a second process, or a second part of this one, out of a depot.
///
/// The lock belongs to the open file and ends with the process, however that ends: the file that
/// stays behind means nothing.
final class DirectoryLock: Sendable {
    private let file: OwnedDescriptor

    /// - Throws: `DepotError.inUse(directory:processID:)` when somebody else holds it.
    init(directory: String) throws {
        let path = "\(directory)/lock"
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        let descriptor = unsafe Glibc.open(path, flags, 0o600)
        file = try OwnedDescriptor(descriptor, operation: "open", path: path)
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw DepotError.fromErrno("flock", path) }
            let holder = Self.readProcessID(file.number)
            throw DepotError.inUse(directory: directory, processID: holder)
        }
        // Only to name the holder in the message above, so a failure does not matter.
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(file.number, 0)
        _ = unsafe text.withUnsafeBytes { unsafe pwrite(file.number, $0.baseAddress, $0.count, 0) }
    }

    deinit {
        // Closing is not enough while a child that was just forked still shares the open file.
        flock(file.number, LOCK_UN)
    }

    private static func readProcessID(_ file: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 16)
        let count = unsafe text.withUnsafeMutableBytes { bytes in
            unsafe pread(file, bytes.baseAddress, bytes.count, 0)
        }
        guard count > 1 else { return nil }
        return Int32(String(decoding: text.prefix(count - 1), as: UTF8.self))
    }
}
