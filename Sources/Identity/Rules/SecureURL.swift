// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A URL whose answers nobody on the way can change: `https`, or `http` to this very machine.
///
/// - Shape: A host, perhaps a port and a path; at most 2,048 characters of ASCII. No credentials,
///   query or fragment. Kept as it was written: an issuer's URL is its name.
package struct SecureURL: Hashable, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether it is plain `http` to this machine.
    package let isPlain: Bool

    /// Text that is no such URL; continues the sentence `"TEXT" …`.
    package enum ParseError: Error, Hashable, Sendable {
        case malformed
        case tooLong
        case hasCredentials
        case hasQueryOrFragment
        case notEncrypted
    }

    private static let maximumBytes = 2_048

    package init(parsing text: String) throws(ParseError) {
        guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
        // What parsers of URLs read in more than one way is in none of them.
        let isUnambiguous = text.utf8.allSatisfy {
            (0x21...0x7E).contains($0) && !"\"<>\\^`{|}".utf8.contains($0)
        }
        guard !text.contains("@") else { throw .hasCredentials }
        guard !text.contains("?"), !text.contains("#") else { throw .hasQueryOrFragment }
        guard isUnambiguous, let url = URLComponents(string: text), let host = url.host,
            !host.isEmpty, let scheme = url.scheme
        else { throw .malformed }
        switch scheme {
        case "https": isPlain = false
        case "http":
            guard Self.isThisMachine(host) else { throw .notEncrypted }
            isPlain = true
        default: throw .notEncrypted
        }
        description = text
    }

    /// A name below this one: `adding("/keys")` of `https://a/b/` is `https://a/b/keys`.
    func adding(_ path: String) throws(ParseError) -> SecureURL {
        try SecureURL(parsing: description.dropLast(while: "/") + path)
    }

    private static func isThisMachine(_ host: String) -> Bool {
        if ["localhost", "[::1]", "::1"].contains(host) { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127"
            && numbers.allSatisfy { (1...3).contains($0.utf8.count) && UInt8($0) != nil }
    }
}

extension SecureURL.ParseError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed: "is no URL such as https://HOST/PATH"
        case .tooLong: "is longer than 2048 characters"
        case .hasCredentials: "has a user name or password in it"
        case .hasQueryOrFragment: "has a query or a fragment; remove it from the ? or # on"
        case .notEncrypted:
            "does not start with https://, and only http to this machine (127.0.0.1) may do without"
        }
    }
}

extension String {
    fileprivate func dropLast(while character: Character) -> Substring {
        var rest = self[...]
        while rest.last == character { rest.removeLast() }
        return rest
    }
}
