// SPDX-License-Identifier: Apache-2.0

/// Where each frame of a seekable zstd file begins, and which part of the contents it holds.
///
/// Reads what Firn and other writers of the format make. A table is a claim of whoever wrote the file:
/// it is refused unless its frames and the table itself fill the file exactly, and unpacking a frame
/// checks the claim about its size.
///
/// - Source: zstd, `contrib/seekable_format/zstd_seekable_compression_format.md`, version 0.1.0.
package struct SeekTable: Hashable, Sendable {
    /// One independent frame.
    package struct Frame: Hashable, Sendable {
        package let index: Int
        /// Where it is in the file.
        package let compressed: Range<UInt64>
        /// Which part of the contents it holds.
        package let contents: Range<UInt64>
    }

    /// Why bytes are not the table of a file.
    package enum FormatError: Error, Hashable, Sendable {
        /// Fewer bytes than a table has.
        case tooShort(actualBytes: Int)
        /// The file does not end with a table: it may still be zstd.
        case notSeekable
        /// Bits that must be zero are set.
        case reservedBits(UInt8)
        /// More frames than are accepted; see ``maximumFrames``.
        case tooManyFrames(UInt32)
        /// The frame around the table is not what its footer implies.
        case wrongHeader
        /// A frame holds more than is accepted; see ``maximumFrameContentBytes``.
        case frameTooLarge(index: Int, contentBytes: UInt32)
        /// The frames do not end where the table begins.
        case wrongTotal(framesBytes: UInt64, expectedBytes: UInt64)
    }

    /// How many bytes at the end of a file tell how long the table is.
    package static let footerBytes = SeekableFormat.footerBytes
    /// 2 TiB of contents in frames of 2 MiB; bounds the memory of a table to 16 MiB.
    package static let maximumFrames = 1 << 20
    /// Bounds the memory that reading a frame takes.
    package static let maximumFrameContentBytes = 16 << 20

    // Where each frame starts, and at the end where the last one ends.
    private var compressedOffsets: [UInt64] = [0]
    private var contentOffsets: [UInt64] = [0]

    /// How many bytes at the end of a file hold its table.
    ///
    /// - Parameter footer: The last ``footerBytes`` of the file; more in front of them is ignored.
    /// - Returns: At most ``maximumFrames`` times 12 bytes, and 17.
    /// - Throws: ``FormatError/notSeekable`` when the file does not end with a table, and others.
    package static func sizeBytes(footer: UnsafeRawBufferPointer) throws(FormatError) -> Int {
        try unsafe Footer(parsing: footer).tableBytes
    }

    /// Reads the table of a file.
    ///
    /// - Parameters:
    ///   - tail: The end of the file, at least as much as ``sizeBytes(footer:)`` says.
    ///   - fileSizeBytes: The whole file's length, which the table has to account for.
    /// - Throws: ``FormatError`` when the table cannot be that of the file.
    package init(
        parsing tail: UnsafeRawBufferPointer,
        fileSizeBytes: UInt64
    ) throws(FormatError) {
        let footer = try unsafe Footer(parsing: tail)
        guard tail.count >= footer.tableBytes, fileSizeBytes >= UInt64(footer.tableBytes)
        else { throw .tooShort(actualBytes: tail.count) }
        let table = unsafe UnsafeRawBufferPointer(rebasing: tail.suffix(footer.tableBytes))
        let contentBytes = UInt32(footer.tableBytes - SeekableFormat.headerBytes)
        guard unsafe table.littleEndian(at: 0) == SeekableFormat.skippableMagic,
            unsafe table.littleEndian(at: 4) == contentBytes
        else { throw .wrongHeader }
        try unsafe readEntries(table, footer)
        let expected = fileSizeBytes - UInt64(footer.tableBytes)
        guard compressedSizeBytes == expected else {
            throw .wrongTotal(framesBytes: compressedSizeBytes, expectedBytes: expected)
        }
    }

    package var frameCount: Int { contentOffsets.count - 1 }

    /// How many bytes the frames unpack to.
    package var contentSizeBytes: UInt64 { contentOffsets.last ?? 0 }

    /// How many bytes of the file the frames take.
    package var compressedSizeBytes: UInt64 { compressedOffsets.last ?? 0 }

    /// What the largest frame takes in the file.
    var largestCompressedFrameBytes: Int {
        let sizes = zip(compressedOffsets.dropFirst(), compressedOffsets).map { $0.0 - $0.1 }
        return Int(clamping: sizes.max() ?? 0)
    }

    /// A frame by its place in the file.
    package subscript(index: Int) -> Frame {
        Frame(
            index: index,
            compressed: compressedOffsets[index]..<compressedOffsets[index + 1],
            contents: contentOffsets[index]..<contentOffsets[index + 1]
        )
    }

    /// The frame that holds the byte at an offset of the contents; `nil` past their end.
    package func frame(containing offset: UInt64) -> Frame? {
        guard offset < contentSizeBytes else { return nil }
        // The last frame that begins at or before the offset: an empty frame is never the last.
        var low = 0
        var high = frameCount - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if contentOffsets[middle] <= offset { low = middle } else { high = middle - 1 }
        }
        return self[low]
    }

    private mutating func readEntries(
        _ table: UnsafeRawBufferPointer,
        _ footer: Footer
    ) throws(FormatError) {
        compressedOffsets.reserveCapacity(footer.frames + 1)
        contentOffsets.reserveCapacity(footer.frames + 1)
        var compressed: UInt64 = 0
        var contents: UInt64 = 0
        for index in 0..<footer.frames {
            let offset = SeekableFormat.headerBytes + index * footer.entryBytes
            let contentBytes = unsafe table.littleEndian(at: offset + 4)
            guard contentBytes <= UInt32(Self.maximumFrameContentBytes) else {
                throw .frameTooLarge(index: index, contentBytes: contentBytes)
            }
            // At most 2^20 times 2^32: no overflow.
            compressed += UInt64(unsafe table.littleEndian(at: offset))
            contents += UInt64(contentBytes)
            compressedOffsets.append(compressed)
            contentOffsets.append(contents)
        }
    }
}

/// The last nine bytes of a seekable file.
private struct Footer {
    let frames: Int
    let entryBytes: Int

    var tableBytes: Int {
        SeekableFormat.headerBytes + frames * entryBytes + SeekableFormat.footerBytes
    }

    init(parsing tail: UnsafeRawBufferPointer) throws(SeekTable.FormatError) {
        let start = tail.count - SeekableFormat.footerBytes
        guard start >= 0 else { throw .tooShort(actualBytes: tail.count) }
        guard unsafe tail.littleEndian(at: start + 5) == SeekableFormat.footerMagic else {
            throw .notSeekable
        }
        let descriptor = unsafe tail[start + 4]
        guard descriptor & SeekableFormat.reservedBits == 0 else {
            throw .reservedBits(descriptor)
        }
        let count = unsafe tail.littleEndian(at: start)
        guard count <= UInt32(SeekTable.maximumFrames) else { throw .tooManyFrames(count) }
        frames = Int(count)
        let hasChecksums = descriptor & SeekableFormat.checksumFlag != 0
        entryBytes = SeekableFormat.entryBytes + (hasChecksums ? SeekableFormat.checksumBytes : 0)
    }
}

extension UnsafeRawBufferPointer {
    /// Four bytes of the buffer as a number; the caller has checked that they are there.
    fileprivate func littleEndian(at offset: Int) -> UInt32 {
        UInt32(littleEndian: unsafe loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
