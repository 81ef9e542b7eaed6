// SPDX-License-Identifier: Apache-2.0
import CacheService
import Glibc
import NIOCore

/// Reads part of an open file without moving its position, which other requests share.
enum FilePiece {
    /// - Returns: At least one byte.
    /// - Throws: ``ShortBody`` when the file ends too soon, ``IOError`` when it cannot be read.
    static func read(_ file: FileContent, at offset: UInt64, count: Int) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        let read = try unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) {
            space in
            let result = unsafe pread(file.descriptor, space.baseAddress, count, off_t(offset))
            guard result >= 0 else { throw IOError(errnoCode: errno, reason: "pread") }
            return result
        }
        guard read > 0 else { throw ShortBody(missingBytes: UInt64(count)) }
        return buffer
    }
}
