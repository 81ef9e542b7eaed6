// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Unpacks a stream in pieces of the caller's size, whatever the input claims to hold.
///
/// Concatenated streams are unpacked one after the other, as the commands `zstd`, `xz` and `bzip2` do,
/// and skippable frames of zstd give nothing. Anything else behind a stream is an error: what follows
/// a complete stream could not have been verified.
///
/// Usage: `decompress` until it has taken all input and left room in the output, for every piece of
/// input; then `finish` until it returns 0. Only then is the stream known to be whole. After an error
/// the decompressor must not be used again.
package struct Decompressor: ~Copyable, Sendable {
    /// How far one call came.
    package struct Progress: Hashable, Sendable {
        package let consumedBytes: Int
        package let producedBytes: Int

        package init(consumedBytes: Int, producedBytes: Int) {
            self.consumedBytes = consumedBytes
            self.producedBytes = producedBytes
        }
    }

    /// Enough for `xz -9` (65 MiB) and `zstd --ultra -22` (128 MiB).
    package static let defaultMemoryLimitBytes = 256 << 20

    private let decoder: any StreamDecoder

    /// - Parameters:
    ///   - method: What the input is compressed with.
    ///   - memoryLimitBytes: What the window of a stream may take.
    /// - Throws: `CompressionError.unsupported(_:)` for other methods than none, zstd, xz, bzip2.
    package init(
        method: NARCompression,
        memoryLimitBytes: Int = defaultMemoryLimitBytes
    ) throws(CompressionError) {
        switch method {
        case .none: decoder = IdentityDecoder()
        case .zstd: decoder = try ZstdDecoder(memoryLimitBytes: memoryLimitBytes)
        case .xz: decoder = try XZDecoder(memoryLimitBytes: memoryLimitBytes)
        case .bzip2: decoder = try Bzip2Decoder()
        default: throw .unsupported(method)
        }
    }

    /// Unpacks as much as the input holds and the output has room for.
    ///
    /// - Returns: Less than all input consumed only when the output is full.
    package mutating func decompress(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Progress {
        try unsafe decoder.decode(input, into: output)
    }

    /// Gives what is left after the last input.
    ///
    /// - Returns: How many bytes were produced; 0 when the stream is complete.
    /// - Throws: `CompressionError.truncated(byteOffset:)` when it is not.
    package mutating func finish(
        into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        unsafe precondition(!output.isEmpty, "room is needed to tell the end")
        return try unsafe decoder.finish(into: output)
    }
}

/// What each format does for ``Decompressor``, under the same contract.
///
/// An object is owned by one decompressor, which cannot be copied: one thread at a time calls it.
protocol StreamDecoder: AnyObject, Sendable {
    func decode(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Decompressor.Progress

    func finish(into output: UnsafeMutableRawBufferPointer) throws(CompressionError) -> Int
}

/// Copies: the method `none`.
private final class IdentityDecoder: StreamDecoder {
    func decode(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) -> Decompressor.Progress {
        let count = min(input.count, output.count)
        unsafe output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input.prefix(count)))
        return .init(consumedBytes: count, producedBytes: count)
    }

    func finish(into output: UnsafeMutableRawBufferPointer) -> Int { 0 }
}
