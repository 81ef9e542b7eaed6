// SPDX-License-Identifier: Apache-2.0

/// An object that is being read: it is not evicted meanwhile.
///
/// Any number of threads may read at once. Should it be removed meanwhile, reading goes on unharmed,
/// and its bytes count until the last reader is done.
package final class OpenObject: Sendable {
    package let info: ObjectInfo
    /// Read-only, positioned anywhere: to be used with offsets only; closed with this object.
    ///
    /// `nil` where the bytes are not in a local file: then there is ``read(at:into:)`` alone.
    package var localDescriptor: Int32? { contents.localDescriptor }

    let contents: any ObjectReading
    private let reading: ReadingLease?

    init(info: ObjectInfo, contents: any ObjectReading, reading: ReadingLease?) {
        self.info = info
        self.contents = contents
        self.reading = reading
    }

    /// Fills the front of a buffer with the bytes at an offset.
    ///
    /// - Returns: How many; fewer than the buffer holds only at the end, 0 past it.
    package func read(
        at offset: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        try unsafe contents.read(at: offset, into: buffer)
    }
}
