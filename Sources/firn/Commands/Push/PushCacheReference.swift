// SPDX-License-Identifier: Apache-2.0
package import CacheClient

/// A cache that something is sent to, as it is named on the command line.
package enum PushCacheReference: Hashable, Sendable, CustomStringConvertible {
    case cachix(CachixName)

    package struct ParseError: Error, Hashable, CustomStringConvertible {
        package let text: String

        package var description: String {
            "\"\(Printable.line(text))\" names no cache to push to; a cache at Cachix is cachix:NAME"
        }
    }

    package init(parsing text: String) throws(ParseError) {
        guard text.hasPrefix("cachix:"), let name = try? CachixName(parsing: text.dropFirst(7))
        else { throw ParseError(text: text) }
        self = .cachix(name)
    }

    package var description: String {
        switch self {
        case .cachix(let name): "cachix:\(name)"
        }
    }
}
