// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Reads any part of the contents of a seekable zstd file.
///
/// Holds one frame at a time, so that reading on from where the last read ended unpacks each frame
/// once. A frame's checksum and size are verified before any byte of it is handed out.
///
/// Memory: the largest frame, packed and unpacked; both are bounded however the table was made.
@safe package struct SeekableZstdReader: ~Copyable, Sendable {
    /// Fills the front of a buffer from an offset of the file; fewer bytes only at the file's end.
    package typealias FileReader =
        @Sendable (_ offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer) throws -> Int

    package let table: SeekTable

    private let readFile: FileReader
    private let unpacker: ZstdFrameUnpacker
    private let packed: OwnedBuffer
    private let unpacked: OwnedBuffer
    private var unpackedFrame: Int?

    /// How many bytes the contents have.
    package var sizeBytes: UInt64 { table.contentSizeBytes }

    /// Reads the table.
    ///
    /// - Throws: ``SeekTable/FormatError``, `CompressionError.corrupted(byteOffset:)`, or what
    ///   `readFile` throws.
    package init(fileSizeBytes: UInt64, readFile: @escaping FileReader) throws {
        let table = try unsafe Self.readTable(fileSizeBytes: fileSizeBytes, readFile)
        unsafe self.init(table: table, unpacker: try ZstdFrameUnpacker(), readFile: readFile)
    }

    private init(
        table: SeekTable,
        unpacker: consuming ZstdFrameUnpacker,
        readFile: @escaping FileReader
    ) {
        self.table = table
        self.unpacker = unpacker
        unsafe self.readFile = readFile
        // A frame packed into more than its bound cannot be good: it is refused when it is met.
        let contentBound = SeekTable.maximumFrameContentBytes
        let packedBound = ZSTD_compressBound(contentBound)
        packed = OwnedBuffer(byteCount: min(table.largestCompressedFrameBytes, packedBound))
        unpacked = OwnedBuffer(byteCount: contentBound)
    }

    /// Fills the front of a buffer with the contents at an offset.
    ///
    /// - Returns: How many bytes; fewer than the buffer holds only at the end, 0 past it.
    /// - Throws: `CompressionError.corrupted(byteOffset:)` with the offset in the file of the frame
    ///   that is not what the table says, or what `readFile` throws.
    package mutating func read(
        at offset: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        var done = 0
        while done < buffer.count {
            let position = offset + UInt64(done)
            guard let frame = table.frame(containing: position) else { break }
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let frameBytes = frame.contents.count
            if position == frame.contents.lowerBound && rest.count >= frameBytes
                && unpackedFrame != frame.index
            {
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: rest[..<frameBytes])
                try unsafe unpack(frame, into: target)
                done += frameBytes
            } else {
                done += try unsafe copy(from: frame, at: position, into: rest)
            }
        }
        return done
    }

    private mutating func copy(
        from frame: SeekTable.Frame,
        at position: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        let contents = unsafe UnsafeMutableRawBufferPointer(
            rebasing: unpacked.bytes[..<frame.contents.count]
        )
        if unpackedFrame != frame.index {
            unpackedFrame = nil
            try unsafe unpack(frame, into: contents)
            unpackedFrame = frame.index
        }
        let start = Int(position - frame.contents.lowerBound)
        let count = min(buffer.count, contents.count - start)
        unsafe buffer.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: contents[start..<start + count])
        )
        return count
    }

    private func unpack(
        _ frame: SeekTable.Frame,
        into contents: UnsafeMutableRawBufferPointer
    ) throws {
        let damage = CompressionError.corrupted(byteOffset: frame.compressed.lowerBound)
        guard unsafe frame.compressed.count <= packed.bytes.count else { throw damage }
        let source = unsafe UnsafeMutableRawBufferPointer(
            rebasing: packed.bytes[..<frame.compressed.count]
        )
        guard try unsafe readFile(frame.compressed.lowerBound, source) == source.count else {
            throw damage
        }
        guard unsafe unpacker.unpack(UnsafeRawBufferPointer(source), into: contents) else {
            throw damage
        }
    }

    private static func readTable(
        fileSizeBytes: UInt64,
        _ readFile: FileReader
    ) throws -> SeekTable {
        let footer = try unsafe tail(of: fileSizeBytes, SeekTable.footerBytes, readFile)
        let tableBytes = try unsafe footer.withUnsafeBytes { bytes throws(SeekTable.FormatError) in
            try unsafe SeekTable.sizeBytes(footer: bytes)
        }
        let table = try unsafe tail(of: fileSizeBytes, tableBytes, readFile)
        return try unsafe table.withUnsafeBytes { bytes throws(SeekTable.FormatError) in
            try unsafe SeekTable(parsing: bytes, fileSizeBytes: fileSizeBytes)
        }
    }

    private static func tail(
        of fileSizeBytes: UInt64,
        _ count: Int,
        _ readFile: FileReader
    ) throws -> [UInt8] {
        guard fileSizeBytes >= UInt64(count) else {
            throw SeekTable.FormatError.tooShort(actualBytes: Int(fileSizeBytes))
        }
        var bytes = [UInt8](repeating: 0, count: count)
        let got = try unsafe bytes.withUnsafeMutableBytes { buffer in
            try unsafe readFile(fileSizeBytes - UInt64(count), buffer)
        }
        guard got == count else { throw SeekTable.FormatError.tooShort(actualBytes: got) }
        return bytes
    }
}
