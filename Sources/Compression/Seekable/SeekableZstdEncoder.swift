// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Compresses a stream into independent zstd frames with a table of them at the end.
///
/// The output is a function of the input, the level, the frame size and the version of libzstd only:
/// never of how the input was cut into pieces. Frames hold their size and a checksum of their
/// contents; see `docs/formats/seekable-nar.md`.
///
/// Memory: one frame of input, its compressed bound, and what libzstd needs for the level.
///
/// After an error the encoder is finished: what it has appended is not a whole stream.
package struct SeekableZstdEncoder: ~Copyable, Sendable {
    /// How much of the input one frame may hold.
    package static let frameSizesBytes = 1 << 20...4 << 20
    /// A compromise between size (about 1 % over one frame) and what a range request unpacks.
    package static let defaultFrameSizeBytes = 2 << 20

    private let compressor: ZstdFrameCompressor
    private let frameSizeBytes: Int
    // Input that does not fill a frame yet.
    private let partial: OwnedBuffer
    private var partialBytes = 0
    private var table = SeekTableBuilder()
    private var isFinished = false

    /// How many bytes of input were taken.
    package private(set) var inputBytes: UInt64 = 0

    package init(
        level: Int = 3,
        frameSizeBytes: Int = defaultFrameSizeBytes
    ) throws(CompressionError) {
        guard Self.frameSizesBytes.contains(frameSizeBytes) else {
            throw .frameSizeOutOfRange(bytes: frameSizeBytes, allowed: Self.frameSizesBytes)
        }
        self.init(
            compressor: try ZstdFrameCompressor(level: level, maximumInputBytes: frameSizeBytes),
            frameSizeBytes: frameSizeBytes
        )
    }

    private init(compressor: consuming ZstdFrameCompressor, frameSizeBytes: Int) {
        self.compressor = compressor
        self.frameSizeBytes = frameSizeBytes
        partial = OwnedBuffer(byteCount: frameSizeBytes)
    }

    /// Takes the next bytes, and appends the frames that they complete.
    package mutating func update(
        _ input: UnsafeRawBufferPointer,
        into output: inout [UInt8]
    ) throws(CompressionError) {
        precondition(!isFinished, "a finished encoder takes no input")
        var rest = unsafe input[...]
        inputBytes += UInt64(input.count)
        while unsafe !rest.isEmpty {
            if unsafe partialBytes == 0 && rest.count >= frameSizeBytes {
                let frame = unsafe rest.prefix(frameSizeBytes)
                try unsafe appendFrame(UnsafeRawBufferPointer(rebasing: frame), to: &output)
                unsafe rest = rest.dropFirst(frameSizeBytes)
                continue
            }
            let count = unsafe min(rest.count, frameSizeBytes - partialBytes)
            let piece = unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(count))
            unsafe partial.copy(piece, at: partialBytes)
            partialBytes += count
            unsafe rest = rest.dropFirst(count)
            if partialBytes == frameSizeBytes { try appendPartialFrame(to: &output) }
        }
    }

    /// Appends the last frame and the table; nothing may follow.
    package mutating func finish(into output: inout [UInt8]) throws(CompressionError) {
        precondition(!isFinished, "an encoder is finished once")
        if partialBytes > 0 { try appendPartialFrame(to: &output) }
        output.append(contentsOf: table.bytes())
        isFinished = true
    }

    private mutating func appendPartialFrame(to output: inout [UInt8]) throws(CompressionError) {
        let frame = unsafe UnsafeRawBufferPointer(rebasing: partial.bytes.prefix(partialBytes))
        partialBytes = 0
        try unsafe appendFrame(frame, to: &output)
    }

    private mutating func appendFrame(
        _ frame: UnsafeRawBufferPointer,
        to output: inout [UInt8]
    ) throws(CompressionError) {
        let compressed: UnsafeRawBufferPointer
        do throws(CompressionError) {
            unsafe compressed = try unsafe compressor.compress(frame)
        } catch {
            isFinished = true
            throw error
        }
        unsafe output.append(contentsOf: compressed)
        table.add(compressedBytes: compressed.count, inputBytes: frame.count)
    }
}
