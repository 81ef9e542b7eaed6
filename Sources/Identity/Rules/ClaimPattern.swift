// SPDX-License-Identifier: Apache-2.0

/// What the text of a claim has to be: the same bytes, with `*` for any of them, or none.
///
/// Bytes, since texts that look the same are different names to an issuer.
package struct ClaimPattern: Hashable, Sendable, CustomStringConvertible {
    package let description: String
    /// What stands between the stars.
    private let parts: [[UInt8]]

    package init(_ text: String) {
        description = text
        let star = UInt8(ascii: "*")
        parts = text.utf8.split(separator: star, omittingEmptySubsequences: false).map(Array.init)
    }

    /// Whether it lets every text pass.
    package var matchesEverything: Bool { parts.count > 1 && parts.allSatisfy(\.isEmpty) }

    package func matches(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        guard let first = parts.first, rest.starts(with: first) else { return false }
        rest = rest.dropFirst(first.count)
        guard parts.count > 1, let last = parts.last else { return rest.isEmpty }
        // The first place where a part fits leaves the most for those behind it.
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let place = rest.firstRange(of: part) else { return false }
            rest = rest[place.upperBound...]
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }
}
