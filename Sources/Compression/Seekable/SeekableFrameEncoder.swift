// SPDX-License-Identifier: Apache-2.0

/// Makes the frames of a seekable file one at a time, so that several threads can share one file.
///
/// The frames in their order, then the table of ``SeekTableBuilder``, are byte for byte what
/// ``SeekableZstdEncoder`` writes with the same level and frame size.
package struct SeekableFrameEncoder: ~Copyable, Sendable {
    private let compressor: ZstdFrameCompressor

    /// - Parameters:
    ///   - level: As the command `zstd` counts them.
    ///   - frameSizeBytes: No frame's input is longer.
    /// - Throws: `CompressionError.levelOutOfRange(_:allowed:)`, or `CompressionError.outOfMemory`.
    package init(
        level: Int = 3,
        frameSizeBytes: Int = SeekableZstdEncoder.defaultFrameSizeBytes
    ) throws(CompressionError) {
        compressor = try ZstdFrameCompressor(level: level, maximumInputBytes: frameSizeBytes)
    }

    /// Appends one frame; the input is neither empty nor longer than a frame may be.
    package mutating func append(
        _ input: UnsafeRawBufferPointer,
        to output: inout [UInt8]
    ) throws(CompressionError) {
        unsafe output.append(contentsOf: try compressor.compress(input))
    }
}
