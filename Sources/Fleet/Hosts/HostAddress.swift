// SPDX-License-Identifier: Apache-2.0

/// One way to reach a host, as ssh takes it: a name, an address, or an alias of `ssh_config`.
///
/// - Shape: `samsung.lan`, `192.168.1.90`, `fe80::1%eth0`, or with a port: `samsung.lan:2222`,
///   `[fe80::1]:2222`.
package struct HostAddress: Hashable, Sendable {
    package let name: String
    /// `nil` for what `ssh_config` says, which is 22 where it says nothing.
    package let port: UInt16?

    /// Why text is not an address.
    package enum ParseError: Error, Hashable, Sendable {
        case empty
        case badPort(String)
        case badCharacter(Character)
    }

    package init(parsing text: some StringProtocol) throws(ParseError) {
        let (name, port) = try Self.split(String(text))
        guard let first = name.first else { throw .empty }
        // What begins with a dash would be an option of ssh.
        guard HostName.isAlphanumeric(first) || first == ":" else { throw .badCharacter(first) }
        for character in name where !HostName.isAlphanumeric(character) {
            guard "-_.:%".contains(character) else { throw .badCharacter(character) }
        }
        self.name = name
        self.port = port
    }

    private static func split(_ text: String) throws(ParseError) -> (String, UInt16?) {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let name = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            if rest.isEmpty { return (name, nil) }
            guard rest.first == ":" else { throw .badPort(String(rest)) }
            return (name, try parsePort(rest.dropFirst()))
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return (text, nil) }
        return (String(parts[0]), try parsePort(parts[1]))
    }

    private static func parsePort(_ text: Substring) throws(ParseError) -> UInt16 {
        guard let port = UInt16(text), port > 0 else { throw .badPort(String(text)) }
        return port
    }
}

extension HostAddress: CustomStringConvertible {
    package var description: String {
        guard let port else { return name }
        return name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"
    }
}

extension HostAddress.ParseError: CustomStringConvertible {
    /// Continues the sentence `"ADDRESS" …`.
    package var description: String {
        switch self {
        case .empty: "is empty"
        case .badPort(let port): "has the port \"\(port)\", which is not from 1 to 65535"
        case .badCharacter(let character):
            "has \"\(character)\" in it; write a name or an address, the user under `user`"
        }
    }
}
