// SPDX-License-Identifier: Apache-2.0

/// Which part of a file an answer of status 206 carries.
///
/// - Shape: `bytes FIRST-LAST/TOTAL`, where TOTAL may be `*`.
/// - Source: RFC 9110, section 14.4.
package struct ContentRange: Hashable, Sendable {
    package var first: UInt64
    package var last: UInt64
    /// Of the whole file; `nil` when the server does not know.
    package var total: UInt64?

    /// - Returns: `nil` unless the text is a range with an end, inside of its total.
    package init?(parsing text: some StringProtocol) {
        let words = String(text).split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
            first <= last
        else { return nil }
        self.first = first
        self.last = last
        if parts[1] != "*" {
            guard let total = Self.number(parts[1]), last < total else { return nil }
            self.total = total
        }
    }

    private static func number(_ text: Substring) -> UInt64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(text) : nil
    }
}
