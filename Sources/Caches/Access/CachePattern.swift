// SPDX-License-Identifier: Apache-2.0

/// Which caches a token is for: a name, or the beginning of names with a `*` behind it.
///
/// - Shape: What ``CacheName`` allows, with `*` as the last character or alone. A star elsewhere
///   would leave open whether one pattern is within another, which has to be known when a token
///   makes tokens.
package struct CachePattern: Hashable, Sendable {
    private let prefix: String
    private let isOpen: Bool

    /// Text that is no pattern; `reason` continues the sentence `"TEXT" …`.
    package struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        package let reason: String
        package var description: String { reason }
    }

    package static let all = CachePattern(prefix: "", isOpen: true)

    private init(prefix: String, isOpen: Bool) {
        self.prefix = prefix
        self.isOpen = isOpen
    }

    package init(parsing text: some StringProtocol) throws(ParseError) {
        guard text.last == "*" else {
            do throws(CacheName.ParseError) {
                self.init(prefix: "\(try CacheName(parsing: text))", isOpen: false)
            } catch {
                throw ParseError(reason: "\(error)")
            }
            return
        }
        let prefix = text.dropLast()
        guard prefix.utf8.count <= CacheName.maximumBytes else {
            throw ParseError(reason: "\(CacheName.ParseError.tooLong)")
        }
        let isPlain = prefix.allSatisfy {
            CacheName.isAlphanumeric($0) || $0 == "-" || $0 == "_"
        }
        guard isPlain else {
            throw ParseError(
                reason: "is no pattern of caches; write a name, or its beginning with * behind it"
            )
        }
        self.init(prefix: String(prefix), isOpen: true)
    }

    package func matches(_ name: CacheName) -> Bool {
        isOpen ? "\(name)".hasPrefix(prefix) : "\(name)" == prefix
    }

    /// Whether every cache of the other pattern is one of this.
    package func covers(_ other: CachePattern) -> Bool {
        guard isOpen else { return self == other }
        return other.prefix.hasPrefix(prefix)
    }
}

extension CachePattern: CustomStringConvertible {
    package var description: String { isOpen ? "\(prefix)*" : prefix }
}
