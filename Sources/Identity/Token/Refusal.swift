// SPDX-License-Identifier: Apache-2.0

/// Why a token makes its bearer nobody; for the log alone.
enum Refusal: Error, Hashable, Sendable {
    /// No JSON where there has to be some, or a field of another type.
    case malformed
    /// None, a shared secret, or one that is not known.
    case algorithm
    case noKeyID
    case unknownIssuer
    /// The issuer has no such key, as far as it has told.
    case unknownKey
    /// The issuer's keys cannot be had.
    case noKeys(reason: String)
    /// The key is not for the token's algorithm.
    case unfitKey
    case badSignature
    /// Missing, or of another type.
    case badClaim(String)
    case expired
    case notYetValid
    case livesTooLong
    /// No rule lets it in; for each the claim that differs.
    case noRule([Difference])

    struct Difference: Hashable, Sendable {
        let place: String
        let claim: String
    }
}

extension Refusal: CustomStringConvertible {
    /// Continues the sentence "the token …".
    var description: String {
        switch self {
        case .malformed: "is no JWT"
        case .algorithm: "is not signed with RS256, PS256 or ES256"
        case .noKeyID: "does not name its key (kid)"
        case .unknownIssuer: "is of an issuer that no [[oidc]] names"
        case .unknownKey: "names a key that its issuer does not have"
        case .noKeys(let reason): "cannot be checked: \(reason)"
        case .unfitKey: "names a key of its issuer for another algorithm"
        case .badSignature: "has a wrong signature"
        case .badClaim(let name): "has no claim \(name), or none of the right type"
        case .expired: "has expired (exp)"
        case .notYetValid: "is not valid yet (nbf, iat); look at the clocks"
        case .livesTooLong: "is valid for more than a day (exp)"
        case .noRule(let differences):
            "matches no [[oidc]]: "
                + differences.map { "claim \($0.claim) differs from \($0.place)" }
                .joined(separator: "; ")
        }
    }
}
