// SPDX-License-Identifier: Apache-2.0

/// What is known of a token; the token itself is told once, in a ``NewTokenReport``.
package struct TokenReport: Codable, Hashable, Sendable {
    package var id: String
    package var label: String
    package var caches: String
    package var allow: [String]
    package var createdAt: Timestamp
    /// Absent for a token that does not end.
    package var expiresAt: Timestamp?
    package var isExpired: Bool

    package init(
        id: String,
        label: String,
        caches: String,
        allow: [String],
        createdAt: Timestamp,
        expiresAt: Timestamp?,
        isExpired: Bool
    ) {
        self.id = id
        self.label = label
        self.caches = caches
        self.allow = allow
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.isExpired = isExpired
    }

    private enum CodingKeys: String, CodingKey {
        case id, label, caches, allow
        case createdAt = "created-at"
        case expiresAt = "expires-at"
        case isExpired = "expired"
    }
}

/// A token that was just made: the only time that it is told.
package struct NewTokenReport: Codable, Hashable, Sendable {
    /// The secret.
    package var token: String
    package var about: TokenReport

    package init(token: String, about: TokenReport) {
        self.token = token
        self.about = about
    }
}

package struct TokenListReport: Codable, Hashable, Sendable {
    /// The oldest first.
    package var tokens: [TokenReport]

    package init(tokens: [TokenReport]) { self.tokens = tokens }
}
