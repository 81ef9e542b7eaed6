// SPDX-License-Identifier: Apache-2.0

/// The name of a cache: the first part of its URLs, and a folder's name in the depot.
///
/// - Shape: 1 to 50 lower-case letters, digits, `-` and `_`, a letter or digit first, and none of
///   ``reserved``.
package struct CacheName: Hashable, Sendable {
    private let text: String

    /// Why text is not a name.
    package enum ParseError: Error, Hashable, Sendable {
        case empty
        case tooLong
        /// At the first character, or anywhere else.
        case badCharacter(Character)
        /// The server answers something else under this name.
        case reserved
    }

    package static let maximumBytes = 50

    /// First parts of URLs that mean something else, now or as the design has them.
    package static let reserved: Set<String> = [
        "api", "build-trace-v2", "cache", "caches", "debuginfo", "depot", "firn", "healthz", "log",
        "metrics", "nar", "nix-cache-info", "readyz", "realisations", "serve", "static", "status",
        "store", "v1", "v2",
    ]

    package init(parsing text: some StringProtocol) throws(ParseError) {
        guard let first = text.first else { throw .empty }
        guard Self.isAlphanumeric(first) else { throw .badCharacter(first) }
        for character in text where !Self.isAlphanumeric(character) {
            guard character == "-" || character == "_" else { throw .badCharacter(character) }
        }
        guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
        guard !Self.reserved.contains(String(text)) else { throw .reserved }
        self.text = String(text)
    }

    static func isAlphanumeric(_ character: Character) -> Bool {
        ("a"..."z").contains(character) || ("0"..."9").contains(character)
    }
}

extension CacheName: CustomStringConvertible, Comparable {
    package var description: String { text }

    package static func < (left: CacheName, right: CacheName) -> Bool { left.text < right.text }
}

extension CacheName.ParseError: CustomStringConvertible {
    /// Continues the sentence `"NAME" …`.
    package var description: String {
        switch self {
        case .empty: "is empty"
        case .tooLong: "is longer than \(CacheName.maximumBytes) characters"
        case .badCharacter(let character):
            "has \"\(character)\" in it; a cache's name has lower-case letters, digits, - and _,"
                + " and begins with a letter or digit"
        case .reserved: "is what the server calls something else"
        }
    }
}
