// SPDX-License-Identifier: Apache-2.0

/// The name of a cache at Cachix.
///
/// - Shape: 1 to 100 letters, digits, `-` and `_`, starting with a letter or digit: it is part of a
///   host's name.
package struct CachixName: Hashable, Sendable, CustomStringConvertible {
    package struct ParseError: Error, Hashable {}

    package let description: String

    package init(parsing text: some StringProtocol) throws(ParseError) {
        let isName = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20)
                || $0 == 0x2D || $0 == 0x5F
        }
        guard isName, (1...100).contains(text.utf8.count), let first = text.utf8.first,
            first != 0x2D, first != 0x5F
        else { throw ParseError() }
        description = String(text)
    }
}
