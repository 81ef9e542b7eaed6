// SPDX-License-Identifier: Apache-2.0

/// The line of every key and section of a TOML document.
///
/// The parser keeps no positions of values, and an error without a line is half an error. This
/// only finds places: the text has been parsed before, so nothing is validated here, and a
/// surprise costs a line number, never a value.
package struct TOMLKeyLines: Sendable {
    private let lines: [[String]: Int]

    package init(_ text: String) {
        var scanner = TOMLKeyScanner(text)
        scanner.scanDocument()
        lines = scanner.lines
    }

    /// - Returns: The line, counted from 1, where the key is first written.
    package func line(of path: [String]) -> Int? { lines[path] }

    /// The part of a path that stands for one element of an array: `["tier", element(1), "urls"]`.
    ///
    /// No key has a NUL in it, so that no key is taken for an element.
    package static func element(_ index: Int) -> String { "\0\(index)" }

    /// - Returns: The path as it is written, without the places in arrays.
    fileprivate static func withoutElements(_ path: [String]) -> [String] {
        path.filter { $0.first != "\0" }
    }
}

private struct TOMLKeyScanner {
    private let bytes: [UInt8]
    private var index = 0
    private var line = 1
    private(set) var lines: [[String]: Int] = [:]
    /// How many elements each array of tables has so far.
    private var elementCounts: [[String]: Int] = [:]

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    mutating func scanDocument() {
        var section: [String] = []
        skipBlankLines()
        while let byte = peek() {
            let start = index
            if byte == UInt8(ascii: "[") {
                advance()
                let isElement = skip(UInt8(ascii: "["))
                section = resolved(scanKey(), isElement: isElement)
                note(section, at: line)
                skipLine()
            } else {
                scanKeyAndValue(in: section)
            }
            skipBlankLines()
            if index == start { advance() }
        }
    }

    private mutating func scanKeyAndValue(in section: [String]) {
        let keyLine = line
        let path = section + scanKey()
        note(path, at: keyLine)
        skipSpaces()
        if peek() == UInt8(ascii: "=") { advance() }
        skipSpaces()
        scanValue(of: path)
    }

    /// `a.'b'."c"`: the parts, without quotes and escapes.
    private mutating func scanKey() -> [String] {
        var parts: [String] = []
        repeat {
            skipSpaces()
            parts.append(scanKeyPart())
            skipSpaces()
        } while skip(UInt8(ascii: "."))
        return parts
    }

    private mutating func scanKeyPart() -> String {
        if let quote = peek(), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            return TOMLKeyEscapes.decode(scanString(quote), isLiteral: quote == UInt8(ascii: "'"))
        }
        let start = index
        while let byte = peek(), isBareKeyByte(byte) { advance() }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func scanValue(of path: [String]) {
        switch peek() {
        case UInt8(ascii: "\""): scanMaybeMultilineString(UInt8(ascii: "\""))
        case UInt8(ascii: "'"): scanMaybeMultilineString(UInt8(ascii: "'"))
        case UInt8(ascii: "["): scanArray(of: path)
        case UInt8(ascii: "{"):
            scanBracketed(upTo: UInt8(ascii: "}")) { $0.scanKeyAndValue(in: path) }
        default: while let byte = peek(), !endsBareValue(byte) { advance() }
        }
    }

    private mutating func scanArray(of path: [String]) {
        var index = 0
        scanBracketed(upTo: UInt8(ascii: "]")) { scanner in
            let item = path + [TOMLKeyLines.element(index)]
            scanner.note(item, at: scanner.line)
            scanner.scanValue(of: item)
            index += 1
        }
    }

    /// The items of an array or an inline table, whatever lines they are on.
    private mutating func scanBracketed(
        upTo end: UInt8,
        item: (inout TOMLKeyScanner) -> Void
    ) {
        advance()
        skipBlankLines()
        while let byte = peek(), byte != end {
            let start = index
            item(&self)
            skipBlankLines()
            _ = skip(UInt8(ascii: ","))
            skipBlankLines()
            if index == start { advance() }
        }
        _ = skip(end)
    }

    private mutating func scanMaybeMultilineString(_ quote: UInt8) {
        let isMultiline = bytes[index...].starts(with: [quote, quote, quote])
        guard isMultiline else {
            _ = scanString(quote)
            return
        }
        index += 3
        while index < bytes.count, !bytes[index...].starts(with: [quote, quote, quote]) {
            if quote == UInt8(ascii: "\""), peek() == UInt8(ascii: "\\") { advance() }
            advance()
        }
        // The text may end with up to two quotes of its own.
        while peek() == quote { advance() }
    }

    /// A string on one line; what is between its quotes.
    private mutating func scanString(_ quote: UInt8) -> ArraySlice<UInt8> {
        advance()
        let start = index
        while let byte = peek(), byte != quote, byte != UInt8(ascii: "\n") {
            if quote == UInt8(ascii: "\""), byte == UInt8(ascii: "\\") { advance() }
            advance()
        }
        let content = bytes[start..<min(index, bytes.count)]
        _ = skip(quote)
        return content
    }
}

extension TOMLKeyScanner {
    private mutating func note(_ path: [String], at keyLine: Int) {
        let plain = TOMLKeyLines.withoutElements(path)
        for path in plain == path ? [path] : [path, plain] {
            for count in stride(from: 1, through: path.count, by: 1) {
                let prefix = Array(path.prefix(count))
                if lines[prefix] == nil { lines[prefix] = keyLine }
            }
        }
    }

    /// The path that a header means: below an array of tables it is the array's last element.
    private mutating func resolved(_ parts: [String], isElement: Bool) -> [String] {
        var path: [String] = []
        for (position, part) in parts.enumerated() {
            path.append(part)
            if isElement, position == parts.count - 1 {
                elementCounts[path, default: 0] += 1
            }
            if let count = elementCounts[path] { path.append(TOMLKeyLines.element(count - 1)) }
        }
        return path
    }

    private func peek() -> UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func advance() {
        guard let byte = peek() else { return }
        if byte == UInt8(ascii: "\n") { line += 1 }
        index += 1
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        advance()
        return true
    }

    private mutating func skipSpaces() {
        while let byte = peek(), byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
            advance()
        }
    }

    private mutating func skipLine() {
        while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
    }

    /// White space, line ends and comments.
    private mutating func skipBlankLines() {
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                advance()
            case UInt8(ascii: "#"):
                skipLine()
            default:
                return
            }
        }
    }

    private func isBareKeyByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"),
            UInt8(ascii: "."), UInt8(ascii: "="), UInt8(ascii: "]"), UInt8(ascii: "#"):
            false
        default:
            true
        }
    }

    private func endsBareValue(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "#"),
            UInt8(ascii: "\n"):
            true
        default:
            false
        }
    }
}

/// What `\n` and its like mean between double quotes.
private enum TOMLKeyEscapes {
    static func decode(_ bytes: ArraySlice<UInt8>, isLiteral: Bool) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard !isLiteral, text.contains("\\") else { return text }
        var rest = text.unicodeScalars[...]
        var decoded = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let escape = rest.popFirst() else {
                decoded.append(scalar)
                continue
            }
            decoded.append(meaning(of: escape, &rest))
        }
        return String(decoded)
    }

    private static func meaning(
        of escape: Unicode.Scalar,
        _ rest: inout Substring.UnicodeScalarView
    ) -> Unicode.Scalar {
        switch escape {
        case "b": return "\u{8}"
        case "t": return "\t"
        case "n": return "\n"
        case "f": return "\u{c}"
        case "r": return "\r"
        case "u", "U":
            let digits = rest.prefix(escape == "u" ? 4 : 8)
            rest = rest.dropFirst(digits.count)
            return UInt32(String(digits), radix: 16).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}"
        default: return escape
        }
    }
}
