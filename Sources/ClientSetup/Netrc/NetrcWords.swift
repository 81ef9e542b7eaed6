// SPDX-License-Identifier: Apache-2.0

/// The words of a netrc file with their places.
///
/// - Shape: Words end at white space; one that begins with a quotation mark ends at the next one or
///   with its line, and a backslash in it takes the next character as it is. `#` in front of a word
///   makes the rest of the line a comment; `macdef` skips everything up to the next empty line.
struct NetrcWords {
    struct Word {
        var text: String
        /// Quotation marks included, in bytes from the start.
        var range: Range<Int>
    }

    private let bytes: [UInt8]
    private var position = 0
    /// The comments that were passed over so far, without their line ends.
    private(set) var comments: [Range<Int>] = []

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> Word? {
        while let byte = current {
            if Self.isSpace(byte) {
                position += 1
            } else if byte == 0x23 {
                let start = position
                skipLine()
                comments.append(start..<position)
            } else {
                let word = word()
                guard word.text == "macdef" else { return word }
                skipMacro()
            }
        }
        return nil
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func word() -> Word {
        let start = position
        guard current == 0x22 else {
            while let byte = current, !Self.isSpace(byte) { position += 1 }
            return Word(text: text(bytes[start..<position]), range: start..<position)
        }
        position += 1
        var inner: [UInt8] = []
        while let byte = current, byte != 0x22, byte != 0x0A, byte != 0x0D {
            position += 1
            if byte == 0x5C, let escaped = current, escaped != 0x0A, escaped != 0x0D {
                position += 1
                inner.append(escaped == 0x6E ? 0x0A : escaped == 0x74 ? 0x09 : escaped)
            } else {
                inner.append(byte)
            }
        }
        if current == 0x22 { position += 1 }
        return Word(text: text(inner[...]), range: start..<position)
    }

    private func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private mutating func skipLine() {
        while let byte = current, byte != 0x0A { position += 1 }
    }

    private mutating func skipMacro() {
        skipLine()
        while current == 0x0A {
            position += 1
            let start = position
            skipLine()
            if bytes[start..<position].allSatisfy(Self.isSpace) { return }
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }
}
