// SPDX-License-Identifier: Apache-2.0
import Caches
import Identity

/// Turns the tables of a file into rules of whose word is taken, and refuses those that are too wide.
struct IdentityReading {
    private(set) var identities: [DeclaredIdentity] = []

    mutating func read(_ table: ConfigurationFile.Tier) throws(ConfigurationError) {
        var draft = DeclaredIdentity.Draft()
        // By line, so that the first mistake is the one that is told.
        for entry in table.entries.sorted(by: { $0.origin.line < $1.origin.line }) {
            guard let field = IdentityField.all.first(where: { $0.key == entry.setting }) else {
                continue
            }
            do throws(SettingProblem) {
                try field.apply(entry.input, &draft)
            } catch {
                throw .badValue(
                    of: "oidc.\(field.key)",
                    at: entry.origin,
                    expected: field.expected,
                    problem: error
                )
            }
        }
        let rule = try rule(draft, table)
        identities.append(DeclaredIdentity(rule: rule, origin: table.origin))
    }

    /// Refuses issuers of nothing, and one issuer with two sets of keys.
    func requireSense(in configuration: FirnConfiguration) throws(ConfigurationError) {
        var known: [SecureURL: DeclaredIdentity] = [:]
        for identity in identities {
            guard configuration.depotDirectory != nil else {
                throw .excluded("[[oidc]]", by: "depot.location = \"none\"", at: identity.origin)
            }
            if let other = known[identity.rule.issuer],
                other.rule.keysURL != identity.rule.keysURL
            {
                throw .excluded(
                    "oidc.keys-url",
                    by: "another one of the same issuer (\(other.origin))",
                    at: identity.origin
                )
            }
            known[identity.rule.issuer] = identity
        }
    }

    private func rule(
        _ draft: DeclaredIdentity.Draft,
        _ table: ConfigurationFile.Tier
    ) throws(ConfigurationError) -> IdentityRule {
        func missing(_ key: String, _ advice: String) -> ConfigurationError {
            .missingKey("oidc.\(key)", at: table.origin, advice: advice)
        }
        guard let issuer = draft.issuer else {
            throw missing("issuer", "name the URL of who makes the tokens")
        }
        guard !draft.audiences.isEmpty else {
            throw missing("audience", "a token for somebody else would open this server")
        }
        guard let caches = draft.caches else {
            throw missing("caches", "name the caches that are to be opened, such as \"team*\"")
        }
        guard !draft.permissions.isEmpty else {
            throw missing("allow", "write for example allow = [\"pull\", \"push\"]")
        }
        let isNarrow = draft.claims.values.contains { patterns in
            !patterns.contains(where: \.matchesEverything)
        }
        guard isNarrow else {
            throw missing(
                "claims",
                "without one, everybody who gets a token from \(issuer) would be let in; add "
                    + "for example claims = { repository_owner = \"acme\" }"
            )
        }
        return IdentityRule(
            place: "\(table.origin)",
            issuer: issuer,
            audiences: draft.audiences,
            caches: caches,
            permissions: draft.permissions,
            claims: draft.claims,
            keysURL: draft.keysURL
        )
    }
}
