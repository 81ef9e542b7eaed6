// SPDX-License-Identifier: Apache-2.0
package import Caches

/// One `[[oidc]]` of the configuration: whom an issuer may vouch for, and what they may do then.
package struct IdentityRule: Hashable, Sendable {
    /// Where it stands, for the log.
    package let place: String
    package let issuer: SecureURL
    /// A token is for one of these at least.
    package let audiences: [String]
    package let caches: CachePattern
    /// Never ``Caches/Permissions/admin``.
    package let permissions: Permissions
    /// Each claim has to be there, as a text that one of its patterns matches.
    package let claims: [String: [ClaimPattern]]
    /// Where the issuer's keys are; `nil` asks the issuer.
    package let keysURL: SecureURL?

    package init(
        place: String,
        issuer: SecureURL,
        audiences: [String],
        caches: CachePattern,
        permissions: Permissions,
        claims: [String: [ClaimPattern]],
        keysURL: SecureURL? = nil
    ) {
        precondition(!claims.isEmpty, "an issuer vouches for everybody it knows")
        self.place = place
        self.issuer = issuer
        self.audiences = audiences
        self.caches = caches
        self.permissions = permissions.subtracting(.admin)
        self.claims = claims
        self.keysURL = keysURL
    }

    /// What of a token's claims is not as it has to be; `nil` when all of it is.
    func difference(from claims: Claims) -> String? {
        let isForUs = claims.audiences.contains { audience in
            audiences.contains { $0.utf8.elementsEqual(audience.utf8) }
        }
        guard isForUs else { return "aud" }
        for (name, patterns) in self.claims.sorted(by: { $0.key < $1.key }) {
            guard case .text(let text)? = claims.values[name],
                patterns.contains(where: { $0.matches(text) })
            else { return name }
        }
        return nil
    }
}
