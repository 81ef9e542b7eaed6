// SPDX-License-Identifier: Apache-2.0
package import Caches
package import Identity

/// One `[[oidc]]`: whose word is taken for what, as the configuration says.
///
/// Plain values, as in ``FirnConfiguration``; ``IdentityField/all`` ties them to the file.
package struct DeclaredIdentity: Hashable, Sendable {
    package var rule: IdentityRule
    package var origin: SettingOrigin

    package init(rule: IdentityRule, origin: SettingOrigin) {
        self.rule = rule
        self.origin = origin
    }
}

extension DeclaredIdentity {
    /// An `[[oidc]]` that is still being read.
    package struct Draft: Hashable, Sendable {
        package var issuer: SecureURL?
        package var audiences: [String] = []
        package var caches: CachePattern?
        package var permissions: Permissions = []
        package var claims: [String: [ClaimPattern]] = [:]
        package var keysURL: SecureURL?

        package init() {}
    }

    /// As it would stand in the file.
    package var draft: Draft {
        var draft = Draft()
        draft.issuer = rule.issuer
        draft.audiences = rule.audiences
        draft.caches = rule.caches
        draft.permissions = rule.permissions
        draft.claims = rule.claims
        draft.keysURL = rule.keysURL
        return draft
    }
}

extension DeclaredIdentity {
    /// Claims that say whose a job is, for the issuers that have everybody's jobs.
    private static let owners: [String: Set<String>] = [
        "https://token.actions.githubusercontent.com": [
            "enterprise", "enterprise_id", "job_workflow_ref", "repository", "repository_id",
            "repository_owner", "repository_owner_id", "sub", "workflow_ref",
        ],
        "https://gitlab.com": [
            "ci_config_ref_uri", "namespace_id", "namespace_path", "project_id", "project_path",
            "sub", "user_email", "user_id", "user_login",
        ],
    ]

    /// Said when anybody's jobs at a public issuer would be let in.
    var warning: String? {
        guard let owners = Self.owners[rule.issuer.description] else { return nil }
        let isOwned = rule.claims.contains { name, patterns in
            owners.contains(name) && !patterns.contains(where: \.matchesEverything)
        }
        guard !isOwned else { return nil }
        return "\(origin): oidc.claims names nobody: everybody who has a job at \(rule.issuer) can "
            + "make one that fits; add for example "
            + (owners.contains("repository_owner") ? "repository_owner" : "namespace_path")
    }
}
