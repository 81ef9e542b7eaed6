// SPDX-License-Identifier: Apache-2.0
import Glibc

/// An object that is being read: it is not evicted meanwhile.
///
/// Any number of threads may read at once. Should it be removed meanwhile, reading goes on unharmed,
/// and its bytes count until the last reader is done.
package final class OpenObject: Sendable {
    package let info: ObjectInfo
    /// Read-only, positioned anywhere: to be used with offsets only; closed with this object.
    package var descriptor: Int32 { file.number }

    private let file: OwnedDescriptor
    private let reading: ReadingLease

    init(info: ObjectInfo, file: consuming OwnedDescriptor, reading: ReadingLease) {
        self.info = info
        self.file = file
        self.reading = reading
    }

    /// Fills the front of a buffer with the bytes at an offset.
    ///
    /// - Returns: How many; fewer than the buffer holds only at the end, 0 past it.
    package func read(
        at offset: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        guard offset < info.sizeBytes else { return 0 }
        let wanted = Int(min(UInt64(buffer.count), info.sizeBytes - offset))
        var done = 0
        while done < wanted, let base = buffer.baseAddress {
            let count = retryingInterrupts {
                unsafe pread(file.number, base + done, wanted - done, Int(offset) + done)
            }
            guard count >= 0 else { throw DepotError.fromErrno("read", "\(info.key)") }
            // A file cut short behind our back: never to be taken for the object's end.
            guard count > 0 else {
                throw DepotError.file(operation: "read", path: "\(info.key)", errno: EIO)
            }
            done += count
        }
        return done
    }
}
