// SPDX-License-Identifier: Apache-2.0

/// Writes JSON strings as Nix does: every byte from 0x20 on as it is, the others escaped.
enum JSONWriter {
    /// The escapes that a writer of JSON may choose between.
    enum Escapes {
        /// `\n`, `\r` and `\t` have short forms: Nix's own writer, up to 2.12.
        case few
        /// `\b` and `\f` have them too: the library that Nix uses since.
        case all
    }

    static func append(_ string: [UInt8], escapes: Escapes = .all, to output: inout [UInt8]) {
        output.append(0x22)
        for byte in string {
            switch byte {
            case 0x22, 0x5C: output.append(contentsOf: [0x5C, byte])
            case 0x0A: output.append(contentsOf: [0x5C, 0x6E])
            case 0x0D: output.append(contentsOf: [0x5C, 0x72])
            case 0x09: output.append(contentsOf: [0x5C, 0x74])
            case 0x08 where escapes == .all: output.append(contentsOf: [0x5C, 0x62])
            case 0x0C where escapes == .all: output.append(contentsOf: [0x5C, 0x66])
            case 0..<0x20:
                output.append(contentsOf: "\\u00".utf8)
                output.append(contentsOf: Base16.encode([byte]).utf8)
            default: output.append(byte)
            }
        }
        output.append(0x22)
    }

    static func append(_ text: String, to output: inout [UInt8]) {
        append(Array(text.utf8), to: &output)
    }
}
