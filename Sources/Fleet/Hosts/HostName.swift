// SPDX-License-Identifier: Apache-2.0

/// What a host is called in `firn.toml`: `samsung`.
///
/// It becomes a word of commands and a file's name, so it has nothing in it that either minds.
///
/// - Shape: 1 to 63 letters, digits, `-`, `_` and `.`, a letter or digit first.
package struct HostName: Hashable, Sendable {
    private let text: String

    /// Why text is not a name.
    package enum ParseError: Error, Hashable, Sendable {
        case empty
        case tooLong
        case badCharacter(Character)
        case badFirst(Character)
    }

    package static let maximumBytes = 63

    package init(parsing text: some StringProtocol) throws(ParseError) {
        guard let first = text.first else { throw .empty }
        guard Self.isAlphanumeric(first) else { throw .badFirst(first) }
        for character in text where !Self.isAlphanumeric(character) {
            guard "-_.".contains(character) else { throw .badCharacter(character) }
        }
        guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
        self.text = String(text)
    }

    static func isAlphanumeric(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber)
    }
}

extension HostName: CustomStringConvertible, Comparable {
    package var description: String { text }

    package static func < (left: HostName, right: HostName) -> Bool { left.text < right.text }
}

extension HostName.ParseError: CustomStringConvertible {
    /// Continues the sentence `"NAME" …`.
    package var description: String {
        switch self {
        case .empty: "is empty"
        case .tooLong: "is longer than \(HostName.maximumBytes) characters"
        case .badCharacter(let character):
            "has \"\(character)\" in it; a host's name has letters, digits, -, _ and . only"
        case .badFirst(let character):
            "begins with \"\(character)\"; a host's name begins with a letter or digit"
        }
    }
}
