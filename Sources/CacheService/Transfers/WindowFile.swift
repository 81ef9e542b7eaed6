// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Synchronization

/// A temporary file without a name that gives its blocks back as soon as they were read.
///
/// For a cache without a depot: what it passes on takes no more of the disk than its slowest reader
/// is behind.
final class WindowFile: SpoolFile {
    let keepsAll = false
    private let descriptor: Int32
    private let start = Mutex<Int>(0)
    /// Blocks are given back in stretches, for each is a system call.
    private static let stretchBytes = 4 << 20

    /// - Throws: ``Failure`` when the folder takes no file.
    init(in directory: String) throws(Failure) {
        let number = Self.openAndUnlink(in: directory)
        guard number >= 0 else { throw Failure(operation: "open", code: errno) }
        descriptor = number
    }

    deinit { close(descriptor) }

    /// A call of the kernel that failed.
    struct Failure: Error, CustomStringConvertible {
        let operation: String
        let code: Int32

        var description: String { unsafe "\(operation): \(String(cString: strerror(code)))" }
    }

    /// What was to be kept could not be written.
    struct Full: Error {
        let cause: String
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let count = unsafe write(descriptor, base + done, bytes.count - done)
            guard count >= 0 || errno == EINTR else {
                throw Failure(operation: "write", code: errno)
            }
            done += max(count, 0)
        }
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = unsafe pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(operation: "read", code: count < 0 ? errno : EIO) }
            return count
        }
    }

    func part(_ range: Range<UInt64>) -> ReadyPart {
        let file = FileContent(descriptor: descriptor, sizeBytes: range.upperBound, owner: self)
        return .file(file, range: range)
    }

    func discard(before offset: UInt64) {
        start.withLock { start in
            let upTo = Int(offset) / Self.stretchBytes * Self.stretchBytes
            guard upTo > start else { return }
            // Not every file system can; then the file is as large as the NAR until it is closed.
            _ = firn_punch_hole(descriptor, Int64(start), Int64(upTo - start))
            start = upTo
        }
    }

    private static func openAndUnlink(in directory: String) -> Int32 {
        var template = Array("\(directory)/transfer.XXXXXX".utf8CString)
        return unsafe template.withUnsafeMutableBufferPointer { name in
            guard let base = name.baseAddress else { return -1 }
            let number = unsafe mkstemp(base)
            guard number >= 0 else { return number }
            unsafe unlink(base)
            _ = fcntl(number, F_SETFD, FD_CLOEXEC)
            return number
        }
    }
}
