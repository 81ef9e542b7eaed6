// SPDX-License-Identifier: Apache-2.0

extension CompressionError: CustomStringConvertible {
    /// One line for an operator.
    package var description: String {
        switch self {
        case .unsupported(let method): "there is no decoder for \(method)"
        case .levelOutOfRange(let level, let allowed):
            "level \(level) is not from \(allowed.lowerBound) to \(allowed.upperBound)"
        case .frameSizeOutOfRange(let bytes, let allowed):
            "frames of \(bytes) bytes are not from \(allowed.lowerBound) to \(allowed.upperBound)"
        case .truncated(let offset): "cut off after \(offset) bytes"
        case .corrupted(let offset): "damaged at byte \(offset)"
        case .memoryLimitExceeded(let limit, let offset):
            "at byte \(offset) it wants more than \(limit) bytes of memory"
        case .unsupportedVariant(let offset): "a variant that nobody can unpack, at byte \(offset)"
        case .outOfMemory: "no memory"
        case .libraryFailure(let code): "the library failed with \(code)"
        }
    }
}
