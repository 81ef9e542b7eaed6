// SPDX-License-Identifier: Apache-2.0

/// The number of a token: says which one is meant, and opens nothing.
///
/// - Shape: 10 characters of Nix base-32.
package struct TokenID: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// - Returns: `nil` for text of another shape.
    package init?(parsing text: some StringProtocol) {
        let known = "0123456789abcdfghijklmnpqrsvwxyz"
        guard text.utf8.count == 10, text.allSatisfy({ known.contains($0) }) else { return nil }
        description = String(text)
    }
}

/// What a registry keeps of a token: who may do what, until when; not the token itself.
package struct AccessToken: Hashable, Sendable {
    package let id: TokenID
    package let digest: TokenDigest
    /// What its owner calls it; may be empty.
    package let label: String
    package let caches: CachePattern
    package let permissions: Permissions
    /// Seconds of Unix time.
    package let createdAt: Int64
    /// Seconds of Unix time; `nil` is never.
    package let expiresAt: Int64?

    package init(
        id: TokenID,
        digest: TokenDigest,
        label: String = "",
        caches: CachePattern,
        permissions: Permissions,
        createdAt: Int64,
        expiresAt: Int64? = nil
    ) {
        self.id = id
        self.digest = digest
        self.label = label
        self.caches = caches
        self.permissions = permissions
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }

    /// `now`: Seconds of Unix time.
    package func isValid(at now: Int64) -> Bool {
        guard let expiresAt else { return true }
        return now < expiresAt
    }
}
