// SPDX-License-Identifier: Apache-2.0
package import CacheClient
package import Caches

/// A cache that something is sent to, as it is named on the command line.
package enum PushCacheReference: Hashable, Sendable, CustomStringConvertible {
    case cachix(CachixName)
    /// A named cache; of this machine's own daemon where there is no server.
    case firn(CacheName, server: TierURL?)

    package enum ParseError: Error, Hashable, CustomStringConvertible {
        /// Neither a name nor a URL with a name at its end.
        case notOne(String)
        /// `reason` continues the sentence `"URL" …`.
        case badURL(String, reason: String)
        case badName(String, CacheName.ParseError)

        package var description: String {
            switch self {
            case .notOne(let text):
                "\"\(Printable.line(text))\" names no cache to push to: NAME and http://HOST:PORT/NAME"
                    + " are caches of Firn, cachix:NAME is one at Cachix"
            case .badURL(let text, let reason): "\"\(Printable.line(text))\" \(reason)"
            case .badName(let name, let error): "\"\(Printable.line(name))\" \(error)"
            }
        }
    }

    package init(parsing text: String) throws(ParseError) {
        if text.hasPrefix("cachix:") {
            guard let name = try? CachixName(parsing: text.dropFirst(7)) else {
                throw .notOne(text)
            }
            self = .cachix(name)
        } else if text.contains("://") {
            self = try Self.parse(url: text)
        } else if text.contains("/") || text.contains(":") {
            throw .notOne(text)
        } else {
            self = .firn(try Self.name(text), server: nil)
        }
    }

    private static func parse(url text: String) throws(ParseError) -> PushCacheReference {
        let trimmed = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard let slash = trimmed.lastIndex(of: "/"), !trimmed[..<slash].hasSuffix(":/") else {
            throw .badURL(text, reason: "has no cache's name at its end: http://HOST:PORT/NAME")
        }
        let server: TierURL
        do throws(TierURL.ParseError) {
            server = try TierURL(parsing: String(trimmed[..<slash]))
        } catch .hasCredentials {
            throw .badURL("…", reason: "has a user name or password in it; use --token-file")
        } catch {
            throw .badURL(text, reason: error.reason)
        }
        return .firn(try name(trimmed[trimmed.index(after: slash)...]), server: server)
    }

    private static func name(_ text: some StringProtocol) throws(ParseError) -> CacheName {
        do throws(CacheName.ParseError) {
            return try CacheName(parsing: text)
        } catch {
            throw .badName(String(text), error)
        }
    }

    package var description: String {
        switch self {
        case .cachix(let name): "cachix:\(name)"
        case .firn(let name, nil): "\(name)"
        case .firn(let name, let server?): "\(server)/\(name)"
        }
    }

    /// What its queue is called: one component of a path, and the same for every way to say it.
    package var queueName: String {
        switch self {
        case .cachix, .firn(_, nil): description
        case .firn(let name, let server?):
            "\(server.isEncrypted ? "https" : "http"):\(server.host):\(server.port)"
                + server.path.replacing("/", with: ":") + ":\(name)"
        }
    }
}
