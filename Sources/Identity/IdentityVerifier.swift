// SPDX-License-Identifier: Apache-2.0
package import Caches
import JWTKit
package import Logging

/// Lets in whom an issuer vouches for, if a rule of the configuration says so.
///
/// - Source: RFC 7519, section 7.2; OpenID Connect Core 1.0, section 3.1.3.7.
package final class IdentityVerifier: IdentityChecker {
    /// The time, both as a token tells it and as it passes here.
    package struct Clock: Sendable {
        /// Seconds of Unix time.
        let unixSeconds: @Sendable () -> Int64
        let instant: @Sendable () -> ContinuousClock.Instant

        package init(
            unixSeconds: @escaping @Sendable () -> Int64,
            instant: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
        ) {
            self.unixSeconds = unixSeconds
            self.instant = instant
        }
    }

    private struct Issuer {
        let rules: [IdentityRule]
        let keys: IssuerKeys
    }

    private let clock: Clock
    private let log: RefusalLog
    /// By the bytes of their names.
    private let issuers: [[UInt8]: Issuer]

    /// Rules of one issuer have one `keysURL`; that of the first counts.
    package init(
        _ rules: [IdentityRule],
        clock: Clock,
        logger: Logger,
        fetch: @escaping IdentityFetch
    ) {
        self.clock = clock
        log = RefusalLog(logger)
        issuers = Dictionary(grouping: rules) { Array($0.issuer.description.utf8) }
            .compactMapValues { rules in
                guard let first = rules.first else { return nil }
                let source = KeySource(issuer: first.issuer, keysURL: first.keysURL, fetch: fetch)
                let keys = IssuerKeys(source, now: clock.instant, logger: logger)
                return Issuer(rules: rules, keys: keys)
            }
    }

    package func visitor(with token: IdentityToken) async -> Visitor {
        let signed: SignedToken
        do throws(Refusal) {
            signed = try SignedToken(token)
        } catch {
            return refuse(error, issuer: nil)
        }
        guard let name = signed.claims.text("iss") else {
            return refuse(.badClaim("iss"), issuer: nil)
        }
        guard let issuer = issuers[Array(name.utf8)] else {
            return refuse(.unknownIssuer, issuer: name)
        }
        do throws(Refusal) {
            try await Self.checkSignature(of: signed, by: issuer.keys)
        } catch {
            return refuse(error, issuer: name)
        }
        do throws(Refusal) {
            return .vouched(try vouched(signed.claims, issuer, name))
        } catch {
            return refuse(error, issuer: name, subject: signed.claims.text("sub"))
        }
    }

    private func refuse(_ refusal: Refusal, issuer: String?, subject: String? = nil) -> Visitor {
        log.note(refusal, issuer: issuer, subject: subject, at: clock.instant())
        return .anonymous
    }

    private static func checkSignature(
        of token: SignedToken,
        by keys: IssuerKeys
    ) async throws(Refusal) {
        let key = try await keys.key(token.keyID, for: token.algorithm)
        guard (try? key.verify(token.signature, signs: token.signedBytes)) == true else {
            throw .badSignature
        }
    }

    /// What a token whose signature is right makes its bearer.
    private func vouched(
        _ claims: Claims,
        _ issuer: Issuer,
        _ name: String
    ) throws(Refusal) -> VouchedVisitor {
        guard let subject = claims.text("sub"), !subject.isEmpty else { throw .badClaim("sub") }
        try Lifetime(claims).check(at: Double(clock.unixSeconds()))
        var rights: [VouchedVisitor.Right] = []
        var differences: [Refusal.Difference] = []
        for rule in issuer.rules {
            if let claim = rule.difference(from: claims) {
                differences.append(Refusal.Difference(place: rule.place, claim: claim))
            } else {
                let right = VouchedVisitor.Right(
                    caches: rule.caches,
                    permissions: rule.permissions
                )
                rights.append(right)
            }
        }
        guard !rights.isEmpty else { throw .noRule(differences) }
        return VouchedVisitor(issuer: name, subject: subject, rights: rights)
    }
}
