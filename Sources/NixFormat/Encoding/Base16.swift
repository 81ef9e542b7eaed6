// SPDX-License-Identifier: Apache-2.0

/// Base-16 in lower case, as Nix writes it; both cases are read.
public enum Base16 {
    /// The text of these bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(character(byte >> 4))
            text.append(character(byte & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that this text stands for.
    public static func decode(
        _ text: some StringProtocol
    ) throws(BinaryTextError) -> [UInt8] {
        try decode(ascii: Array(text.utf8)[...])
    }

    static func decode(ascii text: ArraySlice<UInt8>) throws(BinaryTextError) -> [UInt8] {
        guard text.count.isMultiple(of: 2) else { throw .wrongLength(characters: text.count) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var upper: UInt8 = 0
        for (position, character) in text.enumerated() {
            guard let digit = digit(character) else {
                throw .invalidCharacter(byte: character, byteOffset: position)
            }
            if position.isMultiple(of: 2) {
                upper = digit << 4
            } else {
                bytes.append(upper | digit)
            }
        }
        return bytes
    }

    private static func character(_ digit: UInt8) -> UInt8 {
        digit < 10 ? digit + 0x30 : digit + 0x57
    }

    static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x61...0x66: character - 0x57
        case 0x41...0x46: character - 0x37
        default: nil
        }
    }
}
