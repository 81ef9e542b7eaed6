// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A file that is open for reading and is closed when the last holder lets go.
package final class OpenFile: Sendable {
    /// Read-only.
    ///
    /// Belongs to this object: do not close it.
    package let descriptor: Int32
    /// Bytes when it was opened.
    package let sizeBytes: UInt64

    package init(adopting descriptor: Int32, sizeBytes: UInt64) {
        self.descriptor = descriptor
        self.sizeBytes = sizeBytes
    }

    deinit {
        close(descriptor)
    }

    /// Reads from a place in the file, without moving any position.
    ///
    /// - Returns: How many bytes were read; 0 at the end.
    package func read(
        at offset: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        let count = unsafe pread(descriptor, buffer.baseAddress, buffer.count, Int(offset))
        guard count >= 0 else {
            throw LocalStoreError.inputOutput(path: "descriptor \(descriptor)", code: errno)
        }
        return count
    }
}
