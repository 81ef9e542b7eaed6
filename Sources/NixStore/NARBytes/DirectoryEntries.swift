// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// The names in one directory, sorted as a NAR wants them.
///
/// All names lie in one buffer, so that a directory of 100,000 entries costs two allocations.
struct DirectoryEntries {
    struct Entry {
        /// The first eight bytes of the name as a big-endian number: settles most comparisons.
        let prefix: UInt64
        let offset: UInt32
        let length: UInt16
        /// What the directory says it is (`DT_…`); file systems may not say.
        let type: UInt8
    }

    private(set) var entries: [Entry] = []
    /// Each name is followed by a NUL, for C.
    private var names: [UInt8] = []

    var count: Int { entries.count }

    /// Reads the directory that is open as `descriptor` from where it stands.
    ///
    /// - Throws: ``SystemError``.
    init(reading descriptor: Int32, with scratch: UnsafeMutableRawBufferPointer) throws {
        while true {
            let count = unsafe firn_getdents64(descriptor, scratch.baseAddress, scratch.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError(code: errno) }
            if count == 0 { break }
            // Offsets have 32 bits; a directory with 2 GiB of names is not a store's.
            guard names.count < 1 << 31 else { throw SystemError(code: EFBIG) }
            unsafe append(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        }
        sort()
    }

    /// The name with its NUL, for as long as `body` runs.
    func withName<Result>(
        at index: Int,
        _ body: (UnsafePointer<CChar>) throws -> Result
    ) rethrows -> Result {
        try unsafe names.withUnsafeBytes { bytes in
            let start = unsafe bytes.baseAddress.unsafelyUnwrapped + Int(entries[index].offset)
            return try unsafe body(start.assumingMemoryBound(to: CChar.self))
        }
    }

    /// The bytes of the name, for as long as `body` runs.
    func withNameBytes<Result>(
        at index: Int,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let entry = entries[index]
        return try unsafe names.withUnsafeBytes { bytes in
            let start = Int(entry.offset)
            return try unsafe body(
                UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(entry.length)])
            )
        }
    }

    func name(at index: Int) -> [UInt8] {
        unsafe withNameBytes(at: index) { unsafe Array($0) }
    }

    /// Takes records of the kernel's `struct linux_dirent64`.
    ///
    /// - Shape: inode (8 bytes), offset (8), record length (2), type (1), name, NUL.
    private mutating func append(_ records: UnsafeRawBufferPointer) {
        var position = 0
        while position < records.count {
            let recordLength = unsafe records.loadUnaligned(
                fromByteOffset: position + 16,
                as: UInt16.self
            )
            let type = unsafe records[position + 18]
            var end = position + 19
            while unsafe records[end] != 0 { end += 1 }
            unsafe append(
                UnsafeRawBufferPointer(rebasing: records[position + 19..<end]),
                type: type
            )
            position += Int(recordLength)
        }
    }

    private mutating func append(_ name: UnsafeRawBufferPointer, type: UInt8) {
        let isDot = unsafe name.count == 1 && name[0] == 0x2E
        let isDotDot = unsafe name.count == 2 && name[0] == 0x2E && name[1] == 0x2E
        if isDot || isDotDot { return }
        var prefix: UInt64 = 0
        for index in 0..<8 {
            prefix = prefix << 8 | (index < name.count ? UInt64(unsafe name[index]) : 0)
        }
        entries.append(
            Entry(
                prefix: prefix,
                offset: UInt32(names.count),
                length: UInt16(name.count),
                type: type
            )
        )
        unsafe names.append(contentsOf: name)
        names.append(0)
    }

    private mutating func sort() {
        unsafe names.withUnsafeBytes { bytes in
            entries.sort { left, right in
                if left.prefix != right.prefix { return left.prefix < right.prefix }
                let order = unsafe memcmp(
                    bytes.baseAddress.unsafelyUnwrapped + Int(left.offset),
                    bytes.baseAddress.unsafelyUnwrapped + Int(right.offset),
                    Int(min(left.length, right.length))
                )
                return order == 0 ? left.length < right.length : order < 0
            }
        }
    }
}

/// A system call that failed.
struct SystemError: Error {
    let code: Int32

    var text: String { unsafe String(cString: strerror(code)) }
}
