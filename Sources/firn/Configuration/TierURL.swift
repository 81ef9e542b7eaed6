// SPDX-License-Identifier: Apache-2.0

/// Where another binary cache is, as `urls` of a `[[tier]]` and `--url` name it.
///
/// - Shape: `http` or `https`, a host, a port where it is not the scheme's own, and the folder that
///   the cache is in. No credentials, query or fragment.
/// - Source: RFC 3986, section 3.
package struct TierURL: Hashable, Sendable {
    package enum ParseError: Error, Hashable {
        case unsupportedScheme
        case hasCredentials
        case hasQueryOrFragment
        case badHost(String)
        case badPort(String)
        case badPath
    }

    package let isEncrypted: Bool
    /// In lower case; an IPv6 address without brackets.
    package let host: String
    package let port: UInt16
    /// With a slash in front and none at its end; empty for the root.
    package let path: String

    package init(parsing text: String) throws(ParseError) {
        guard let mark = text.firstRange(of: "://") else { throw .unsupportedScheme }
        switch text[..<mark.lowerBound].lowercased() {
        case "http": isEncrypted = false
        case "https": isEncrypted = true
        default: throw .unsupportedScheme
        }
        let rest = text[mark.upperBound...]
        let authority = rest.prefix { !"/?#\\".contains($0) }
        guard !authority.contains("@") else { throw .hasCredentials }
        guard !rest.contains(where: { "?#".contains($0) }) else { throw .hasQueryOrFragment }
        (host, port) = try Self.place(authority, defaultPort: isEncrypted ? 443 : 80)
        path = try Self.folder(rest[authority.endIndex...])
    }

    /// Host and port as they stand in a URL.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isEncrypted ? 443 : 80) ? name : "\(name):\(port)"
    }

    private static func place(
        _ authority: Substring,
        defaultPort: UInt16
    ) throws(ParseError) -> (String, UInt16) {
        guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else {
            return (try parseHost(authority), defaultPort)
        }
        let digits = String(authority[authority.index(after: colon)...])
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(digits), port > 0
        else { throw .badPort(digits) }
        return (try parseHost(authority[..<colon]), port)
    }

    private static func parseHost(_ text: Substring) throws(ParseError) -> String {
        if text.hasPrefix("["), text.hasSuffix("]") {
            let address = String(text.dropFirst().dropLast())
            guard ServeAddress.isIPv6(address), !address.contains("%") else {
                throw .badHost(String(text))
            }
            return address.lowercased()
        }
        let isName = text.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "-._".utf8.contains($0)
        }
        guard isName, let first = text.first, first != "-", text.utf8.count <= 253 else {
            throw .badHost(String(text))
        }
        return text.lowercased()
    }

    private static func folder(_ text: Substring) throws(ParseError) -> String {
        let isPlain = text.utf8.allSatisfy {
            (0x21...0x7E).contains($0) && !"\"<>\\^`{|}".utf8.contains($0)
        }
        let parts = text.split(separator: "/")
        guard isPlain, !parts.contains("."), !parts.contains("..") else { throw .badPath }
        return parts.map { "/\($0)" }.joined()
    }
}

extension TierURL: CustomStringConvertible {
    package var description: String { "\(isEncrypted ? "https" : "http")://\(authority)\(path)" }
}

extension TierURL.ParseError {
    /// Continues the sentence `"URL" …`.
    var reason: String {
        switch self {
        case .unsupportedScheme: "starts with neither http:// nor https://"
        case .hasCredentials:
            "has a user name or password in it; write that into a file and name the file with "
                + "\"netrc\" or \"token-file\""
        case .hasQueryOrFragment: "has a query or a fragment; remove it from the ? or # on"
        case .badHost(let host): "has the host \"\(host)\", which is neither a name nor an address"
        case .badPort(let port): "has the port \"\(port)\", which is not from 1 to 65535"
        case .badPath: "has a path that is not that of a folder"
        }
    }
}
