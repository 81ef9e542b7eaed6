// SPDX-License-Identifier: Apache-2.0

/// The statements of a nix.conf, as Nix reads them.
///
/// - Source: Nix 2.8 to 2.34, `AbstractConfig::applyConfig`: lines end at LF only, `#` begins a
///   comment wherever it stands, words are divided by white space, and a value is all words behind
///   the `=`.
package struct NixConf: Hashable, Sendable {
    package enum Statement: Hashable, Sendable {
        /// `NAME = WORD…`.
        case setting(name: String, words: [String])
        /// `include PATH`, or `!include PATH`, which may be missing.
        case include(path: String, isOptional: Bool)
    }

    /// A line that makes Nix refuse the whole file.
    package struct ParseError: Error, Hashable, CustomStringConvertible {
        /// From 1.
        package let line: Int

        package var description: String {
            "line \(line): Nix does not read this file: a line is NAME = VALUE, or include PATH"
        }
    }

    package let statements: [Statement]

    package init(parsing bytes: [UInt8]) throws(ParseError) {
        var statements: [Statement] = []
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        for (offset, line) in lines.enumerated() {
            let words = line.prefix { $0 != 0x23 }
                .split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
                .map { String(decoding: $0, as: UTF8.self) }
            guard let first = words.first else { continue }
            guard words.count > 1 else { throw ParseError(line: offset + 1) }
            if first == "include" || first == "!include" {
                guard words.count == 2 else { throw ParseError(line: offset + 1) }
                statements.append(.include(path: words[1], isOptional: first == "!include"))
            } else {
                guard words[1] == "=" else { throw ParseError(line: offset + 1) }
                statements.append(.setting(name: first, words: Array(words[2...])))
            }
        }
        self.statements = statements
    }
}
