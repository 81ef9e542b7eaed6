// SPDX-License-Identifier: Apache-2.0

/// Knows which issuers of identities are believed, and what whom they vouch for may do.
///
/// May be asked by any number of tasks at once, and for the same token again; every answer looks at
/// the token anew, so that one that has ended is nobody's from then on.
package protocol IdentityChecker: Sendable {
    /// Who a token makes its bearer.
    ///
    /// - Returns: ``Visitor/anonymous`` for every token that does not prove all it has to, and when
    ///   the issuer's keys cannot be had. The reason is for the log, never for the bearer.
    func visitor(with token: IdentityToken) async -> Visitor
}
