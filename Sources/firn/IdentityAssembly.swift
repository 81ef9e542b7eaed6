// SPDX-License-Identifier: Apache-2.0
import Caches
import Foundation
import Identity
import Logging
import Upstream

/// Puts together who knows whose word is taken, with who can ask the issuers for their keys.
enum IdentityAssembly {
    /// - Returns: `nil` where no issuer is believed.
    static func make(
        _ rules: [IdentityRule],
        certificateFile: String?,
        logger: Logger
    ) -> IdentityVerifier? {
        guard !rules.isEmpty else { return nil }
        for rule in rules { announce(rule, logger) }
        var configuration = UpstreamClientConfiguration(version: Firn.version)
        configuration.connect = .seconds(5)
        configuration.questionConnections = 2
        configuration.certificateFile = certificateFile
        let client = UpstreamClient(configuration)
        let clock = IdentityVerifier.Clock(
            unixSeconds: { Int64(Date().timeIntervalSince1970) }
        )
        return IdentityVerifier(rules, clock: clock, logger: logger) { url in
            let document = try await client.document(
                at: HTTPURL(parsing: url.description),
                maximumBytes: KeySource.maximumBytes,
                within: KeySource.limit
            )
            return IdentityDocument(bytes: document.bytes, lifetime: document.lifetime)
        }
    }

    private static func announce(_ rule: IdentityRule, _ logger: Logger) {
        logger.notice(
            "identities are let in",
            metadata: [
                "issuer": "\(rule.issuer)",
                "audience": "\(rule.audiences.joined(separator: " "))",
                "caches": "\(rule.caches)",
                "allow": "\(rule.permissions.words.joined(separator: " "))",
                "claims": "\(rule.claims.keys.sorted().joined(separator: " "))",
            ]
        )
    }
}
