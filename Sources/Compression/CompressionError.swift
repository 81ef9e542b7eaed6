// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Why bytes could not be compressed or unpacked.
///
/// An offset counts the bytes of compressed input that were taken before the defect showed.
package enum CompressionError: Error, Hashable, Sendable {
    /// There is no decoder for this method here.
    case unsupported(NARCompression)
    /// The level is outside of what the library knows.
    case levelOutOfRange(Int, allowed: ClosedRange<Int>)
    /// The frame size is outside of what Firn writes.
    case frameSizeOutOfRange(bytes: Int, allowed: ClosedRange<Int>)

    /// The input ended in the middle of a stream.
    case truncated(byteOffset: UInt64)
    /// The input is not of the format that was promised, or a check of its contents failed.
    case corrupted(byteOffset: UInt64)
    /// The stream asks for more memory than it was granted.
    case memoryLimitExceeded(limitBytes: Int, byteOffset: UInt64)
    /// A stream names a variant of the format that the library cannot decode.
    case unsupportedVariant(byteOffset: UInt64)

    /// The library could not have memory that it needs.
    case outOfMemory
    /// The library failed in a way that is nobody's input; its number is for the log.
    case libraryFailure(code: Int)
}
