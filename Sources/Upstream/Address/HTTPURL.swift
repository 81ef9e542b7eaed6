// SPDX-License-Identifier: Apache-2.0

/// An absolute `http` or `https` URL, taken apart; nothing in it can change what is asked of whom.
///
/// - Source: RFC 3986, sections 3 and 5.
package struct HTTPURL: Hashable, Sendable {
    /// Scheme, host and port: what credentials belong to.
    package struct Origin: Hashable, Sendable {
        package var isEncrypted: Bool
        /// In lower case; an IPv6 address without its brackets.
        package var host: String
        package var port: Int

        var authority: String {
            let name = host.contains(":") ? "[\(host)]" : host
            return port == (isEncrypted ? 443 : 80) ? name : "\(name):\(port)"
        }
    }

    /// Why text is not such a URL.
    package enum ParseError: Error, Hashable, Sendable {
        /// It starts with neither `http://` nor `https://`.
        case unsupportedScheme
        /// A name or a password stands in front of the host.
        case hasCredentials
        case invalidHost
        case invalidPort
        /// A control character or a space, at this offset in bytes.
        case invalidByte(byte: UInt8, byteOffset: Int)
    }

    package var origin: Origin
    /// With its slash in front; percent-encoded.
    package var path: String
    /// Without its question mark.
    package var query: String?

    /// Reads an absolute URL; a fragment is dropped.
    package init(parsing text: some StringProtocol) throws(ParseError) {
        for (offset, byte) in text.utf8.enumerated() where byte <= 0x20 || byte == 0x7F {
            throw .invalidByte(byte: byte, byteOffset: offset)
        }
        let text = Self.ascii(text).prefix { $0 != "#" }
        guard let (isEncrypted, rest) = Self.splitScheme(String(text)) else {
            throw .unsupportedScheme
        }
        let end = rest.firstIndex { "/?\\".contains($0) } ?? rest.endIndex
        origin = try Self.origin(of: rest[..<end], isEncrypted: isEncrypted)
        (path, query) = ("/", nil)
        (path, query) = Self.split(rest[end...])
        if !path.hasPrefix("/") { path = "/" + path }
        path = Self.withoutDots(path)
    }

    private static func splitScheme(_ text: String) -> (isEncrypted: Bool, rest: Substring)? {
        let lower = text.prefix(8).lowercased()
        if lower.hasPrefix("https://") { return (true, text.dropFirst(8)) }
        return lower.hasPrefix("http://") ? (false, text.dropFirst(7)) : nil
    }

    private static func origin(
        of authority: Substring,
        isEncrypted: Bool
    ) throws(ParseError) -> Origin {
        guard !authority.contains("@") else { throw .hasCredentials }
        var host = authority
        var port = isEncrypted ? 443 : 80
        let bracket = authority.lastIndex(of: "]") ?? authority.startIndex
        if let colon = authority[bracket...].lastIndex(of: ":") {
            let digits = authority[authority.index(after: colon)...]
            host = authority[..<colon]
            if !digits.isEmpty {
                guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits),
                    (1...65_535).contains(number)
                else { throw .invalidPort }
                port = number
            }
        }
        guard let name = Self.host(host) else { throw .invalidHost }
        return Origin(isEncrypted: isEncrypted, host: name, port: port)
    }

    private static func host(_ text: Substring) -> String? {
        guard !text.isEmpty, text.utf8.count <= 255 else { return nil }
        if text.hasPrefix("[") {
            let inner = text.dropFirst().dropLast()
            let isAddress = inner.utf8.allSatisfy { isHexadecimal($0) || ":.".utf8.contains($0) }
            let isNamed = text.hasSuffix("]") && inner.contains(":") && isAddress
            return isNamed ? inner.lowercased() : nil
        }
        let isName = text.utf8.allSatisfy { Self.isLetterOrDigit($0) || "-._".utf8.contains($0) }
        return isName && !text.hasPrefix("-") ? text.lowercased() : nil
    }

    private static func split(_ target: Substring) -> (path: String, query: String?) {
        guard let mark = target.firstIndex(of: "?") else { return (encoded(target), nil) }
        return (encoded(target[..<mark]), encoded(target[target.index(after: mark)...]))
    }
}

extension HTTPURL {
    /// The URL that `reference` means on this one, as a browser would read it.
    ///
    /// A relative reference is taken from the last slash of this URL's path on.
    package func resolving(_ reference: some StringProtocol) throws(ParseError) -> HTTPURL {
        let text = String(Self.ascii(reference).prefix { $0 != "#" })
        if let colon = text.firstIndex(of: ":"), Self.isScheme(text[..<colon]) {
            return try HTTPURL(parsing: Self.encoded(text[...]))
        }
        if text.hasPrefix("//") {
            let scheme = origin.isEncrypted ? "https:" : "http:"
            return try HTTPURL(parsing: scheme + Self.encoded(text[...]))
        }
        var result = self
        let (path, query) = Self.split(text[...])
        result.query = query
        if path.hasPrefix("/") {
            result.path = Self.withoutDots(path)
        } else if !path.isEmpty {
            let folder = self.path[...(self.path.lastIndex(of: "/") ?? self.path.startIndex)]
            result.path = Self.withoutDots(folder + path)
        }
        return result
    }

    /// The same URL with a slash at the end of its path and no query: what names are added to.
    package var asFolder: HTTPURL {
        var result = self
        result.query = nil
        if !result.path.hasSuffix("/") { result.path += "/" }
        return result
    }

    /// Something before a colon that is no path: `s3`, `file`; `sha256` too, so names go in whole.
    private static func isScheme(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, isLetterOrDigit(first), !(0x30...0x39).contains(first)
        else { return false }
        return text.utf8.allSatisfy { isLetterOrDigit($0) || "+-.".utf8.contains($0) }
    }

    private static func withoutDots(_ path: some StringProtocol) -> String {
        guard path.contains("/.") else { return String(path) }
        var kept: [Substring] = []
        let parts = String(path).split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (position, part) in parts.enumerated() {
            let isLast = position == parts.count - 1
            switch part {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(part)
            }
        }
        return "/" + kept.joined(separator: "/")
    }

    private static func encoded(_ text: Substring) -> String {
        guard !text.utf8.allSatisfy(isAllowed) else { return String(text) }
        return text.utf8.reduce(into: "") { result, byte in
            if isAllowed(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "%" + Base16Digits.text(of: byte)
            }
        }
    }

    /// With the bytes encoded that are not ASCII: a mark behind a `?` would make another character of it.
    private static func ascii(_ text: some StringProtocol) -> String {
        guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return String(text) }
        return text.utf8.reduce(into: "") { result, byte in
            if byte < 0x80 {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "%" + Base16Digits.text(of: byte)
            }
        }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !"\"<>\\^`{|}".utf8.contains(byte)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }
}

extension HTTPURL: CustomStringConvertible {
    package var description: String {
        let target = query.map { "\(path)?\($0)" } ?? path
        return "\(origin.isEncrypted ? "https" : "http")://\(origin.authority)\(target)"
    }
}

private enum Base16Digits {
    static func text(of byte: UInt8) -> String {
        let digits = Array("0123456789ABCDEF")
        return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    }
}

extension HTTPURL.ParseError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unsupportedScheme: "it starts with neither http:// nor https://"
        case .hasCredentials: "it has a user name or password in it"
        case .invalidHost: "its host is none"
        case .invalidPort: "its port is none"
        case .invalidByte(_, let offset): "a space or a control character at byte \(offset)"
        }
    }
}
