// SPDX-License-Identifier: Apache-2.0

/// The address of a network interface, by which a sleeping machine is woken.
///
/// - Shape: 6 bytes; in text 6 pairs of hexadecimal digits between `:` or `-`.
package struct MACAddress: Hashable, Sendable {
    package let bytes: [UInt8]

    /// The text is not one.
    package struct ParseError: Error, Hashable, Sendable {}

    package init(parsing text: some StringProtocol) throws(ParseError) {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        let bytes = parts.compactMap { $0.count == 2 ? UInt8($0, radix: 16) : nil }
        guard parts.count == 6, bytes.count == 6 else { throw ParseError() }
        // A group of machines has no address that one of them wakes up by.
        guard bytes[0] & 1 == 0 else { throw ParseError() }
        self.bytes = bytes
    }
}

extension MACAddress: CustomStringConvertible {
    package var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
