// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Synchronization

/// Bytes that are made while they are read: a NAR out of the store, a log out of its compression.
///
/// One reader at a time, which awaits ``ready()`` before each ``fill(_:)``; filling blocks, so it
/// belongs on a thread that may wait. After it threw, a source must not be asked again.
package protocol ByteSource: AnyObject, Sendable {
    /// Whether ``ready()`` may take its time; otherwise it need not be awaited.
    var mayWait: Bool { get }

    /// Waits until filling will not have to wait for anything but the disk.
    func ready() async throws

    /// Fills the front of a buffer with the next bytes.
    ///
    /// - Returns: How many bytes were written; fewer than asked for only at the end, 0 when complete.
    /// - Throws: When the promised bytes cannot be had; what was handed out must not be ended cleanly.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

extension ByteSource {
    package var mayWait: Bool { false }

    package func ready() async throws {}
}

/// A source whose bytes already lie in memory or in a file when they are ready.
///
/// They need not pass through a buffer of whoever sends them, and nothing here waits, not even for a
/// disk.
package protocol PartSource: ByteSource {
    /// The next bytes.
    ///
    /// - Parameters:
    ///   - limitBytes: How many at most.
    ///   - wake: Called once, when there may be more, if the answer is ``ReadyPart/none``.
    /// - Returns: At least one byte, or that none has come yet.
    /// - Throws: As ``ByteSource/fill(_:)`` does. Not to be asked at the end.
    func nextPart(
        upTo limitBytes: UInt64,
        orWake wake: @escaping @Sendable () -> Void
    ) throws -> ReadyPart

    /// What was handed out before this position has been sent and may be let go.
    ///
    /// - Parameter position: In the whole, not in the range that was opened.
    func sent(upTo position: UInt64)
}

/// Bytes of a ``PartSource``.
package enum ReadyPart: Sendable {
    /// They have not come yet.
    case none
    case bytes(ArraySlice<UInt8>, end: UInt64)
    case file(FileContent, range: Range<UInt64>)
}

/// A file that is open and will not change: sent by the kernel, without passing through our memory.
package final class FileContent: Sendable {
    /// Readable until this object is gone.
    package let descriptor: Int32
    package let sizeBytes: UInt64
    /// Room for whoever sends this file to keep the head of the answer; forgotten together with it.
    package let wireForm = Mutex<(any Sendable)?>(nil)
    /// What closes the descriptor when it is let go.
    private let owner: any AnyObject & Sendable

    package init(descriptor: Int32, sizeBytes: UInt64, owner: any AnyObject & Sendable) {
        self.descriptor = descriptor
        self.sizeBytes = sizeBytes
        self.owner = owner
    }

    /// All of it, for files that are known to be small; blocks.
    func contents() throws -> [UInt8] {
        let count = Int(sizeBytes)
        return try unsafe [UInt8](unsafeUninitializedCapacity: count) { space, filled in
            filled = 0
            while filled < count {
                let rest = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(space)[filled...]
                )
                let read = unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(filled))
                if read < 0, errno == EINTR { continue }
                guard read > 0 else {
                    throw ShortNAR(readBytes: UInt64(filled), expectedBytes: sizeBytes)
                }
                filled += read
            }
        }
    }
}

/// Where the bytes of an answer come from.
package enum Content: Sendable {
    case bytes([UInt8])
    case file(FileContent)
    /// Opened when the first byte is wanted; `nil` asks for all of it.
    ///
    /// - Shape: the size in bytes where it is known before reading, and whether a part can be had.
    case source(sizeBytes: UInt64?, open: @Sendable (Range<UInt64>?) throws -> any ByteSource)
}
