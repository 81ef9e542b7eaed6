// SPDX-License-Identifier: Apache-2.0

/// Base-64 of RFC 4648 section 4, with padding; other spellings of the same bytes are refused.
public enum Base64 {
    /// The text of these bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that this text stands for.
    public static func decode(
        _ text: some StringProtocol
    ) throws(BinaryTextError) -> [UInt8] {
        try decode(ascii: Array(text.utf8)[...])
    }

    static func append(_ bytes: [UInt8], to output: inout [UInt8]) {
        output.reserveCapacity(output.count + (bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let rest = bytes.count - index
            let second = rest > 1 ? UInt32(bytes[index + 1]) : 0
            let third = rest > 2 ? UInt32(bytes[index + 2]) : 0
            let group = UInt32(bytes[index]) << 16 | second << 8 | third
            output.append(character(group >> 18))
            output.append(character(group >> 12 & 63))
            output.append(rest > 1 ? character(group >> 6 & 63) : padding)
            output.append(rest > 2 ? character(group & 63) : padding)
            index += 3
        }
    }

    static func decode(ascii text: ArraySlice<UInt8>) throws(BinaryTextError) -> [UInt8] {
        guard text.count.isMultiple(of: 4) else { throw .wrongLength(characters: text.count) }
        let digits = text.dropLast(paddingCount(of: text))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        var groupBits: UInt32 = 0
        for (position, character) in digits.enumerated() {
            guard let digit = digit(character) else {
                throw .invalidCharacter(byte: character, byteOffset: position)
            }
            group = group << 6 | digit
            groupBits += 6
            if groupBits >= 8 {
                groupBits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> groupBits))
                group &= (1 << groupBits) - 1
            }
        }
        guard group == 0 else { throw .excessBits(byteOffset: digits.count - 1) }
        return bytes
    }

    private static let padding: UInt8 = 0x3D

    private static func paddingCount(of text: ArraySlice<UInt8>) -> Int {
        guard text.last == padding else { return 0 }
        return text.dropLast().last == padding ? 2 : 1
    }

    private static func character(_ digit: UInt32) -> UInt8 {
        let digit = UInt8(truncatingIfNeeded: digit)
        return switch digit {
        case 0..<26: digit + 0x41
        case 26..<52: digit + 0x47
        case 52..<62: digit - 4
        case 62: 0x2B
        default: 0x2F
        }
    }

    private static func digit(_ character: UInt8) -> UInt32? {
        switch character {
        case 0x41...0x5A: UInt32(character - 0x41)
        case 0x61...0x7A: UInt32(character - 0x47)
        case 0x30...0x39: UInt32(character + 4)
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
