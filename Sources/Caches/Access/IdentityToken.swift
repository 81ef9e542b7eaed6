// SPDX-License-Identifier: Apache-2.0

/// A token of an issuer of identities, as somebody has shown it: nothing in it has been checked.
///
/// - Shape: A JWT: three parts of base64url without padding, dots between them, at most 16 KiB. Only
///   the last, the signature, may be empty.
/// - Source: RFC 7515, section 3.1.
package struct IdentityToken: Sendable {
    package static let maximumBytes = 16 << 10

    /// In base64url, as the signature covers it.
    package let header: String
    package let payload: String
    package let signature: String

    /// - Returns: `nil` for what no such token looks like.
    package init?(parsing text: some StringProtocol) {
        guard text.utf8.count <= Self.maximumBytes else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty,
            parts.allSatisfy({ $0.utf8.allSatisfy(Self.isBase64URL) })
        else { return nil }
        header = String(parts[0])
        payload = String(parts[1])
        signature = String(parts[2])
    }

    private static func isBase64URL(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_".utf8.contains(byte)
    }
}

extension IdentityToken: CustomStringConvertible, CustomReflectable {
    /// Nothing of it: whoever has it may use it until it ends.
    package var description: String { "IdentityToken" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
