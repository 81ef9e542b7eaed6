// SPDX-License-Identifier: Apache-2.0

/// From when to when a token says to be valid.
///
/// - Source: RFC 7519, sections 4.1.4 to 4.1.6.
struct Lifetime: Sendable {
    /// By how much two clocks may differ.
    private static let skewSeconds = 60.0
    /// Far more than a job takes; what lives longer is no token of a job.
    private static let longestSeconds = 86_400.0

    /// Seconds of Unix time.
    private let expiry: Double
    private let notBefore: Double?
    private let issuedAt: Double?

    init(_ claims: Claims) throws(Refusal) {
        guard let expiry = try Self.moment("exp", in: claims) else { throw .badClaim("exp") }
        self.expiry = expiry
        notBefore = try Self.moment("nbf", in: claims)
        issuedAt = try Self.moment("iat", in: claims)
    }

    /// `now`: Seconds of Unix time.
    func check(at now: Double) throws(Refusal) {
        guard now < expiry + Self.skewSeconds else { throw .expired }
        for moment in [notBefore, issuedAt].compactMap(\.self) where now < moment - Self.skewSeconds
        {
            throw .notYetValid
        }
        guard expiry - (issuedAt ?? notBefore ?? now) <= Self.longestSeconds else {
            throw .livesTooLong
        }
    }

    private static func moment(_ name: String, in claims: Claims) throws(Refusal) -> Double? {
        switch claims.values[name] {
        case .number(let seconds) where seconds.isFinite: return seconds
        case nil: return nil
        case .number, .text, .texts, .other: throw .badClaim(name)
        }
    }
}
