// SPDX-License-Identifier: Apache-2.0

extension JSONScanner {
    /// A string's bytes, with its escapes undone.
    mutating func string() throws(JSONParseError) -> [UInt8] {
        try expect(0x22)
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case 0x22:
                advance()
                return content
            case 0x5C:
                try appendEscaped(to: &content)
            case 0..<0x20:
                throw .unexpectedByte(byte, byteOffset: position)
            default:
                content.append(byte)
                advance()
            }
        }
        throw .unexpectedEnd(byteOffset: position)
    }

    private mutating func appendEscaped(to content: inout [UInt8]) throws(JSONParseError) {
        let start = position
        advance()
        guard position < bytes.count else { throw .unexpectedEnd(byteOffset: position) }
        let byte = bytes[position]
        advance()
        switch byte {
        case 0x22, 0x5C, 0x2F: content.append(byte)
        case 0x62: content.append(0x08)
        case 0x66: content.append(0x0C)
        case 0x6E: content.append(0x0A)
        case 0x72: content.append(0x0D)
        case 0x74: content.append(0x09)
        case 0x75:
            let scalar = try scalar(escapedAt: start)
            content.append(contentsOf: String(Character(scalar)).utf8)
        default: throw .invalidEscape(byteOffset: start)
        }
    }

    private mutating func scalar(escapedAt start: Int) throws(JSONParseError) -> Unicode.Scalar {
        let first = try fourDigits(escapedAt: start)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, position + 1 < bytes.count,
            bytes[position] == 0x5C, bytes[position + 1] == 0x75
        else { throw .invalidEscape(byteOffset: start) }
        advance()
        advance()
        let second = try fourDigits(escapedAt: start)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw .invalidEscape(byteOffset: start) }
        return scalar
    }

    private mutating func fourDigits(escapedAt start: Int) throws(JSONParseError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Base16.digit(bytes[position]) else {
                throw .invalidEscape(byteOffset: start)
            }
            value = value << 4 | UInt32(digit)
            advance()
        }
        return value
    }
}
