// SPDX-License-Identifier: Apache-2.0
import Compression
import Depot

/// The identity NAR, or a part of it, out of a compressed object in the depot.
final class UnpackingSource: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches these fields.
    let sizeBytes: UInt64
    private var reader: SeekableZstdReader
    private var position: UInt64
    private let end: UInt64

    init(_ object: OpenObject, range: Range<UInt64>?) throws {
        reader = try unsafe SeekableZstdReader(fileSizeBytes: object.info.sizeBytes) {
            offset,
            buffer in
            try unsafe object.read(at: offset, into: buffer)
        }
        sizeBytes = reader.sizeBytes
        let range = range ?? 0..<sizeBytes
        position = range.lowerBound
        end = min(range.upperBound, sizeBytes)
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = Int(min(UInt64(buffer.count), end - position))
        guard wanted > 0 else { return 0 }
        let count = try unsafe reader.read(
            at: position,
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
        )
        position += UInt64(count)
        return count
    }
}
