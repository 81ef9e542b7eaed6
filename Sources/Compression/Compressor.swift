// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Packs a stream in one of the methods that caches use, quickly rather than well.
///
/// For files that have to be made while a client waits. What zstd packs is seekable; see
/// ``SeekableZstdEncoder``. The bytes depend on the version of the library: they are the same NAR, not
/// the same file as somebody else's.
///
/// Usage: `update` with every piece of input, then `finish` once. After an error the compressor must
/// not be used again.
package final class Compressor: @unchecked Sendable {
    // SAFETY: an object has one owner, which calls from one thread at a time.
    private var encoder: any StreamEncoder

    /// Whether there is an encoder for a method.
    package static func knows(_ method: NARCompression) -> Bool {
        switch method {
        case .none, .zstd, .xz, .bzip2: true
        default: false
        }
    }

    /// - Throws: `CompressionError.unsupported(_:)` for methods that ``knows(_:)`` denies.
    package init(method: NARCompression) throws(CompressionError) {
        switch method {
        case .none: encoder = IdentityEncoder()
        case .zstd: encoder = ZstdStreamEncoder(encoder: try SeekableZstdEncoder())
        case .xz: encoder = try XZEncoder()
        case .bzip2: encoder = try Bzip2Encoder()
        default: throw .unsupported(method)
        }
    }

    /// Takes the next bytes, and appends what they complete.
    package func update(
        _ input: UnsafeRawBufferPointer,
        into output: inout [UInt8]
    ) throws(CompressionError) {
        try unsafe encoder.update(input, into: &output)
    }

    /// Appends the end of the stream; nothing may follow.
    package func finish(into output: inout [UInt8]) throws(CompressionError) {
        try encoder.finish(into: &output)
    }
}

/// What each format does for ``Compressor``, under the same contract.
protocol StreamEncoder {
    mutating func update(
        _ input: UnsafeRawBufferPointer,
        into output: inout [UInt8]
    ) throws(CompressionError)

    mutating func finish(into output: inout [UInt8]) throws(CompressionError)
}

private struct IdentityEncoder: StreamEncoder {
    func update(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) {
        unsafe output.append(contentsOf: input)
    }

    func finish(into output: inout [UInt8]) {}
}

/// The seekable encoder cannot be copied, so it stands behind an object.
private final class ZstdStreamEncoder: StreamEncoder {
    private var encoder: SeekableZstdEncoder

    init(encoder: consuming SeekableZstdEncoder) { self.encoder = encoder }

    func update(
        _ input: UnsafeRawBufferPointer,
        into output: inout [UInt8]
    ) throws(CompressionError) {
        try unsafe encoder.update(input, into: &output)
    }

    func finish(into output: inout [UInt8]) throws(CompressionError) {
        try encoder.finish(into: &output)
    }
}
