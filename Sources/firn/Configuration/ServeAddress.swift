// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Where the daemon listens, as `[server] listen` and `--listen` name it.
///
/// - Shape: `HOST:PORT`, with an IPv6 address in brackets, or `unix:PATH`.
package enum ServeAddress: Hashable, Sendable, CustomStringConvertible {
    /// `host` is a name or an address without brackets; `port` 0 lets the kernel choose one.
    case tcp(host: String, port: UInt16)
    case unix(path: String)
    /// Opened by the service manager and handed over at start; never written in a configuration.
    case inherited(descriptor: Int32)

    package enum ParseError: Error, Equatable {
        case noPort
        case badPort(String)
        case badHost(String)
        case bracketsMissing
        case pathTooLong(limitBytes: Int)
        case emptyPath
    }

    package init(parsing text: String) throws(ParseError) {
        if let path = text.dropping(prefix: "unix:") {
            self = .unix(path: try Self.checkedSocketPath(path))
        } else {
            self = try Self.parseTCP(text)
        }
    }

    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        case .inherited(let descriptor): "the socket handed over as descriptor \(descriptor)"
        }
    }

    /// The kernel's `sun_path` holds 108 bytes, the closing NUL among them.
    private static let longestSocketPathBytes = 107

    package static func checkedSocketPath(_ path: String) throws(ParseError) -> String {
        guard !path.isEmpty else { throw .emptyPath }
        guard path.utf8.count <= longestSocketPathBytes else {
            throw .pathTooLong(limitBytes: longestSocketPathBytes)
        }
        return path
    }

    private static func parseTCP(_ text: String) throws(ParseError) -> ServeAddress {
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else { throw .noPort }
        let portText = String(text[text.index(after: colon)...])
        guard portText.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(portText) else {
            throw .badPort(portText)
        }
        return .tcp(host: try parseHost(String(text[..<colon])), port: port)
    }

    private static func parseHost(_ text: String) throws(ParseError) -> String {
        if text.hasPrefix("["), text.hasSuffix("]") {
            let address = String(text.dropFirst().dropLast())
            guard isIPv6(address) else { throw .badHost(text) }
            return address
        }
        guard !text.contains(":") else { throw .bracketsMissing }
        let isName = text.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
        }
        guard isName, let first = text.utf8.first, first != UInt8(ascii: "-") else {
            throw .badHost(text)
        }
        return text
    }

    static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        // A zone (`fe80::1%eth0`) is for the resolver, not for inet_pton, which sees nothing behind a
        // NUL either.
        let numeric = text.prefix { $0 != "%" }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return false }
        return unsafe inet_pton(AF_INET6, String(numeric), &address) == 1
    }
}

extension String {
    fileprivate func dropping(prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
