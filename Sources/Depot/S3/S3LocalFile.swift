// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import NixFormat

/// The bytes of an object that goes up, in a file of this machine.
final class S3LocalFile: Sendable {
    private let file: OwnedDescriptor
    private let name: String

    init(_ file: consuming OwnedDescriptor, name: String) {
        self.file = file
        self.name = name
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        try unsafe file.write(bytes, at: offset, name: name)
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
        try unsafe file.read(buffer, at: offset, name: name)
    }

    /// Gives the room of bytes back that are not needed any more: a hint, which may fail.
    func punch(_ range: Range<UInt64>) {
        _ = firn_punch_hole(file.number, Int64(range.lowerBound), Int64(range.count))
    }
}

/// A range of a file that goes up by itself.
struct S3LocalPart: S3FilePart {
    let file: S3LocalFile
    let range: Range<UInt64>

    var sizeBytes: UInt64 { UInt64(range.count) }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
        try unsafe file.read(at: range.lowerBound + offset, into: buffer)
    }
}

/// A range of an upload that has come whole.
struct S3PartialPart: S3FilePart {
    let partial: any PartialObject
    let range: Range<UInt64>

    var sizeBytes: UInt64 { UInt64(range.count) }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
        let start = range.lowerBound + offset
        guard try unsafe partial.read(at: start, into: buffer) == buffer.count else {
            throw DepotError.file(operation: "read", path: "upload", errno: EIO)
        }
    }

    func computeHash() throws -> NixHash {
        var hasher = SHA256Hasher()
        var offset: UInt64 = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while offset < sizeBytes {
            let count = Int(min(sizeBytes - offset, UInt64(buffer.count)))
            try unsafe buffer.withUnsafeMutableBytes { bytes in
                let front = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
                try unsafe read(at: offset, into: front)
                unsafe hasher.update(UnsafeRawBufferPointer(front))
            }
            offset += UInt64(count)
        }
        return hasher.finalize()
    }
}
