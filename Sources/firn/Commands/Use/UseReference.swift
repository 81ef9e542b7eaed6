// SPDX-License-Identifier: Apache-2.0
package import CacheClient
package import Caches

/// A cache that a client shall use, as it is named on the command line.
package enum UseReference: Hashable, Sendable {
    case url(TierURL)
    case cachix(CachixName)
    /// A cache at a Firn.
    case named(CacheName)

    package struct ParseError: Error, Hashable, CustomStringConvertible {
        package let text: String
        package let reason: String

        package var description: String { "\"\(Printable.line(text))\" \(reason)" }
    }

    package init(parsing text: String) throws(ParseError) {
        if text.contains("://") {
            do throws(TierURL.ParseError) {
                self = .url(try TierURL(parsing: text))
            } catch .hasCredentials {
                // Nothing of it is shown: there is a password in it.
                throw ParseError(
                    text: "…",
                    reason:
                        "has a user name or password in it; put the token into a file, and name it"
                        + " with --token-file"
                )
            } catch {
                throw ParseError(text: text, reason: error.reason)
            }
        } else if text.hasPrefix("cachix:") {
            guard let name = try? CachixName(parsing: text.dropFirst(7)) else {
                throw ParseError(text: text, reason: "names no cache at Cachix: it is cachix:NAME")
            }
            self = .cachix(name)
        } else if let name = try? CacheName(parsing: text) {
            self = .named(name)
        } else {
            throw ParseError(
                text: text,
                reason:
                    "names no cache: give http://HOST:PORT, https://HOST/NAME, cachix:NAME, or the"
                    + " name of a cache at a Firn server"
            )
        }
    }

    /// What it is called in the files besides its URL; `nil` where it is the URL.
    package var alias: String? {
        switch self {
        case .url: nil
        case .cachix(let name): "cachix:\(name)"
        case .named(let name): "\(name)"
        }
    }
}
