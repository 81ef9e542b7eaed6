// SPDX-License-Identifier: Apache-2.0

/// Why text is not the base-16, base-32 or base-64 form of some bytes.
public enum BinaryTextError: Error, Hashable, Sendable {
    /// No number of bytes is written with this many characters.
    case wrongLength(characters: Int)
    /// A character outside the alphabet, at this offset in bytes from the start of the text.
    case invalidCharacter(byte: UInt8, byteOffset: Int)
    /// Bits that belong to no byte are set in the character at this offset.
    case excessBits(byteOffset: Int)
}
