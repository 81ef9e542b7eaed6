// SPDX-License-Identifier: Apache-2.0
import Caches

/// Who sends something, in the one way that what it has sent can be told from what others have.
enum Principal: Hashable, Sendable, CustomStringConvertible {
    case token(TokenID)
    /// Not their token: a job gets new ones while it pushes.
    case vouched(issuer: String, subject: String)
    case owner

    /// Tells them apart also in the next life of the process.
    var description: String {
        switch self {
        case .token(let id): "token \(id)"
        // An issuer may be part of a subject: its length keeps them apart.
        case .vouched(let issuer, let subject):
            "vouched \(issuer.utf8.count) \(issuer) \(subject)"
        case .owner: "owner"
        }
    }

    init?(_ visitor: Visitor) {
        switch visitor {
        case .anonymous: return nil
        case .token(let token): self = .token(token.id)
        case .vouched(let visitor):
            self = .vouched(issuer: visitor.issuer, subject: visitor.subject)
        case .owner: self = .owner
        }
    }
}
