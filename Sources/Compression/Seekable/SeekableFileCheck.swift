// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Takes a file apart that somebody else has made, frame by frame, and sees that it is in the one form
/// that Firn writes: what `SeekableZstdEncoder` could have written, at whatever level.
///
/// - Frames of 1 to 4 MiB of contents, the last of which may have less; each tells its size and has a
///   checksum.
/// - Behind them the table of ``SeekTableBuilder``, and nothing more.
///
/// Memory: eight bytes for each frame; the caller brings room for one.
@safe package struct SeekableFileCheck: ~Copyable, Sendable {
    /// What one look at the file has found.
    package enum Step: Hashable, Sendable {
        /// The bytes end in the middle of a frame or of the table.
        case needsMore
        /// A frame of so many bytes, whose contents are in the buffer.
        case frame(fileBytes: Int, contentBytes: Int)
        /// The table, of so many bytes, with which the file ends.
        case table(fileBytes: Int)
    }

    /// Room for the contents of any frame.
    package static let contentBytes = SeekableZstdEncoder.frameSizesBytes.upperBound
    /// No frame takes more of the file.
    package static let maximumFrameBytes = ZSTD_compressBound(contentBytes)

    private let unpacker: ZstdFrameUnpacker
    private var table = SeekTableBuilder()
    private var position: UInt64 = 0
    private var hasShortFrame = false
    private var isComplete = false

    package init() throws(CompressionError) { unpacker = try ZstdFrameUnpacker() }

    /// Looks at what follows what was taken so far.
    ///
    /// - Parameters:
    ///   - bytes: From there on; as many as there are, or at least ``maximumFrameBytes``.
    ///   - contents: Room for ``contentBytes``.
    /// - Returns: What was taken; ``Step/needsMore`` never when there were ``maximumFrameBytes``.
    /// - Throws: `CompressionError.corrupted(byteOffset:)` for anything that Firn does not write.
    package mutating func take(
        _ bytes: UnsafeRawBufferPointer,
        into contents: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Step {
        guard !isComplete else { throw defect }
        guard bytes.count >= 5 else { return .needsMore }
        let magic = UInt32(littleEndian: unsafe bytes.loadUnaligned(as: UInt32.self))
        if magic == SeekableFormat.skippableMagic { return try unsafe takeTable(bytes) }
        guard magic == Self.frameMagic, unsafe bytes[4] & Self.checksumFlag != 0, !hasShortFrame
        else { throw defect }
        let count = unsafe ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
        guard ZSTD_isError(count) == 0 else {
            // It says the same of a frame that is cut as of one that is none.
            guard bytes.count < Self.maximumFrameBytes else { throw defect }
            return .needsMore
        }
        let frame = unsafe UnsafeRawBufferPointer(rebasing: bytes.prefix(count))
        let size = unsafe ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
        guard size > 0, size <= UInt64(Self.contentBytes), count <= Self.maximumFrameBytes else {
            throw defect
        }
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: contents.prefix(Int(size)))
        guard unsafe unpacker.unpack(frame, into: room) else { throw defect }
        if Int(size) < SeekableZstdEncoder.frameSizesBytes.lowerBound { hasShortFrame = true }
        table.add(compressedBytes: count, inputBytes: Int(size))
        position += UInt64(count)
        return .frame(fileBytes: count, contentBytes: Int(size))
    }

    private mutating func takeTable(
        _ bytes: UnsafeRawBufferPointer
    ) throws(CompressionError) -> Step {
        let expected = table.bytes()
        guard bytes.count >= expected.count else {
            guard unsafe bytes.elementsEqual(expected.prefix(bytes.count)) else { throw defect }
            return .needsMore
        }
        guard unsafe bytes.prefix(expected.count).elementsEqual(expected) else { throw defect }
        isComplete = true
        position += UInt64(expected.count)
        return .table(fileBytes: expected.count)
    }

    private var defect: CompressionError { .corrupted(byteOffset: position) }

    /// `ZSTD_MAGICNUMBER`.
    private static let frameMagic: UInt32 = 0xFD2F_B528
    /// Of the frame header's descriptor; RFC 8878, section 3.1.1.1.1.
    private static let checksumFlag: UInt8 = 0x04
}
