// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not the delta that they were taken for.
package enum DeltaError: Error, Hashable, Sendable {
    /// It does not begin as a delta does.
    case notADelta
    /// It was made against other bytes than those at hand.
    case wrongDictionary
    /// It is about another target, or one of another size.
    case wrongTarget
    /// It ends in the middle.
    case truncated(byteOffset: UInt64)
    /// A number in it is outside of what the format allows.
    case malformed(byteOffset: UInt64)
    /// It does not unpack to what it promises.
    case damaged
    /// The codec failed in a way that is nobody's input.
    case codec(CompressionError)
}

extension DeltaError: CustomStringConvertible {
    /// One line for an operator.
    package var description: String {
        switch self {
        case .notADelta: "not a delta"
        case .wrongDictionary: "a delta against another base"
        case .wrongTarget: "a delta of another target"
        case .truncated(let offset): "a delta cut off after \(offset) bytes"
        case .malformed(let offset): "a delta that is malformed at byte \(offset)"
        case .damaged: "a delta that does not unpack"
        case .codec(let error): "\(error)"
        }
    }
}
