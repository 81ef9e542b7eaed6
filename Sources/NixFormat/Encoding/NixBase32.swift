// SPDX-License-Identifier: Apache-2.0

/// Nix's base-32: the bytes as one little-endian number, most significant digit first.
///
/// It is not RFC 4648: the alphabet leaves out e, o, t and u, and the digits run from the last
/// byte to the first.
///
/// - Source: Nix manual, "Nix32".
public enum NixBase32 {
    /// How many characters are needed for this many bytes.
    public static func characterCount(byteCount: Int) -> Int {
        byteCount == 0 ? 0 : (byteCount * 8 - 1) / 5 + 1
    }

    /// The text of these bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that this text stands for.
    ///
    /// - Throws: ``BinaryTextError/excessBits(byteOffset:)`` when the first digit is too large,
    ///   so that every value has one text.
    public static func decode(
        _ text: some StringProtocol
    ) throws(BinaryTextError) -> [UInt8] {
        try decode(ascii: Array(text.utf8)[...])
    }

    static func append(_ bytes: [UInt8], to output: inout [UInt8]) {
        let count = characterCount(byteCount: bytes.count)
        output.reserveCapacity(output.count + count)
        for digit in stride(from: count - 1, through: 0, by: -1) {
            let bit = digit * 5
            let index = bit / 8
            let above = index + 1 < bytes.count ? UInt16(bytes[index + 1]) << 8 : 0
            let value = (above | UInt16(bytes[index])) >> UInt16(bit % 8)
            output.append(character(UInt8(truncatingIfNeeded: value & 31)))
        }
    }

    static func decode(ascii text: ArraySlice<UInt8>) throws(BinaryTextError) -> [UInt8] {
        let byteCount = text.count * 5 / 8
        guard characterCount(byteCount: byteCount) == text.count else {
            throw .wrongLength(characters: text.count)
        }
        var bytes = [UInt8](repeating: 0, count: byteCount)
        for (position, character) in text.enumerated() {
            let digit = UInt16(self.digit(character))
            guard digit < 32 else {
                throw .invalidCharacter(byte: character, byteOffset: position)
            }
            let bit = (text.count - 1 - position) * 5
            let value = digit << UInt16(bit % 8)
            bytes[bit / 8] |= UInt8(truncatingIfNeeded: value)
            if bit / 8 + 1 < byteCount {
                bytes[bit / 8 + 1] |= UInt8(truncatingIfNeeded: value >> 8)
            } else if value > 255 {
                throw .excessBits(byteOffset: position)
            }
        }
        return bytes
    }

    /// The character of a digit below 32, computed because a table would cost a memory access.
    @inline(__always)
    static func character(_ digit: UInt8) -> UInt8 {
        if digit < 10 { return digit + 0x30 }
        let letter = digit + 0x57  // 10 is "a"
        return letter + (digit > 13 ? 1 : 0) + (digit > 22 ? 1 : 0) + (digit > 26 ? 2 : 0)
    }

    /// The digit of a character, or 255 when it is not in the alphabet.
    @inline(__always)
    static func digit(_ character: UInt8) -> UInt8 {
        let number = character &- 0x30
        if number < 10 { return number }
        let letter = UInt32(character &- 0x61)
        // One bit for each letter from a to z that the alphabet has; digits are counted from it.
        let alphabet: UInt32 = 0b11_1110_0111_1011_1111_1110_1111
        guard letter < 26, alphabet >> letter & 1 == 1 else { return 255 }
        return 10 + UInt8(truncatingIfNeeded: (alphabet & ((1 << letter) - 1)).nonzeroBitCount)
    }
}
