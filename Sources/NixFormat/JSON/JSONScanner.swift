// SPDX-License-Identifier: Apache-2.0

/// Reads JSON one token at a time: without recursion, and with strings as raw bytes.
///
/// Foundation's decoder refuses the file names that are not UTF-8, which Nix's listings have.
///
/// - Source: RFC 8259.
struct JSONScanner {
    let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next byte that is not white space, left where it is.
    mutating func peek() throws(JSONParseError) -> UInt8 {
        skipSpace()
        guard position < bytes.count else { throw .unexpectedEnd(byteOffset: position) }
        return bytes[position]
    }

    mutating func expect(_ byte: UInt8) throws(JSONParseError) {
        let next = try peek()
        guard next == byte else { throw .unexpectedByte(next, byteOffset: position) }
        position += 1
    }

    mutating func expectEnd() throws(JSONParseError) {
        skipSpace()
        guard position == bytes.count else {
            throw .unexpectedByte(bytes[position], byteOffset: position)
        }
    }

    mutating func beginObject() throws(JSONParseError) { try expect(0x7B) }

    /// The next field's name, or `nil` past the object's end; the value is left to read.
    mutating func nextField(isFirst: inout Bool) throws(JSONParseError) -> [UInt8]? {
        guard try nextItem(closing: 0x7D, isFirst: &isFirst) else { return nil }
        let name = try string()
        try expect(0x3A)
        return name
    }

    mutating func beginArray() throws(JSONParseError) { try expect(0x5B) }

    /// Whether an element is left to read; `false` past the array's end.
    mutating func nextElement(isFirst: inout Bool) throws(JSONParseError) -> Bool {
        try nextItem(closing: 0x5D, isFirst: &isFirst)
    }

    mutating func number() throws(JSONParseError) -> UInt64 {
        _ = try peek()
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
        let digits = bytes[start..<position]
        let isPadded = digits.count > 1 && digits.first == 0x30
        guard !isPadded, !continuesNumber, let number = DecimalNumber.parse(digits) else {
            throw .invalidNumber(byteOffset: start)
        }
        return number
    }

    mutating func boolean() throws(JSONParseError) -> Bool {
        let isTrue = try peek() == 0x74
        try expectWord(isTrue ? "true" : "false")
        return isTrue
    }

    /// A string that has to be text.
    mutating func text() throws(JSONParseError) -> String {
        _ = try peek()
        let start = position
        guard let text = String(validating: try string(), as: UTF8.self) else {
            throw .invalidUTF8(byteOffset: start)
        }
        return text
    }

    mutating func expectWord(_ word: String) throws(JSONParseError) {
        _ = try peek()
        for byte in word.utf8 {
            guard position < bytes.count else { throw .unexpectedEnd(byteOffset: position) }
            guard bytes[position] == byte else {
                throw .unexpectedByte(bytes[position], byteOffset: position)
            }
            position += 1
        }
    }

    mutating func advance() { position += 1 }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private var continuesNumber: Bool {
        position < bytes.count && [0x2E, 0x45, 0x65].contains(bytes[position])
    }

    private mutating func nextItem(
        closing: UInt8,
        isFirst: inout Bool
    ) throws(JSONParseError) -> Bool {
        if try peek() == closing {
            position += 1
            return false
        }
        if !isFirst { try expect(0x2C) }
        isFirst = false
        return true
    }
}
