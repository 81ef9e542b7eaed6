// SPDX-License-Identifier: Apache-2.0
import Depot

/// An object of the depot as it is, or a part of it.
final class ObjectBytes: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches `position`.
    private let object: OpenObject
    private var position: UInt64
    private let end: UInt64

    init(_ object: OpenObject, range: Range<UInt64>?) {
        self.object = object
        position = range?.lowerBound ?? 0
        end = range?.upperBound ?? object.info.sizeBytes
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = Int(min(UInt64(buffer.count), end - position))
        guard wanted > 0 else { return 0 }
        let count = try unsafe object.read(
            at: position,
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
        )
        position += UInt64(count)
        return count
    }
}
