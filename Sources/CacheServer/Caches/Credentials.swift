// SPDX-License-Identifier: Apache-2.0
import CacheService
package import Caches
import NixFormat

/// What somebody shows to be let in.
package enum Credential: Sendable {
    /// One that Firn made.
    case token(TokenSecret)
    /// One that an issuer of identities made.
    case identity(IdentityToken)

    init?(parsing text: some StringProtocol) {
        if let secret = TokenSecret(parsing: text) {
            self = .token(secret)
        } else if let token = IdentityToken(parsing: text) {
            self = .identity(token)
        } else {
            return nil
        }
    }
}

/// The credential in an `Authorization` field.
///
/// - Source: RFC 6750 (`Bearer TOKEN`) and RFC 7617 (`Basic` of `USER:TOKEN`, which is what Nix sends
///   from a netrc file; the user does not matter).
package enum Credentials {
    /// - Returns: `nil` for a field that holds nothing of the shape of a token.
    package static func find(in field: String) -> Credential? {
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let value = parts[1].drop { $0 == " " }
        switch parts[0].lowercased() {
        case "bearer": return Credential(parsing: value)
        case "basic":
            guard let bytes = try? Base64.decode(String(value)),
                let text = String(validating: bytes, as: UTF8.self),
                let colon = text.firstIndex(of: ":")
            else { return nil }
            return Credential(parsing: text[text.index(after: colon)...])
        default: return nil
        }
    }
}

extension CacheResponder {
    /// Who asks.
    func visitor(_ facts: RequestFacts, of named: NamedCaches) async throws -> Visitor {
        if facts.isControl { return .owner }
        switch facts.authorization.flatMap(Credentials.find) {
        case .token(let secret): return try await named.visitor(with: secret)
        case .identity(let token): return await named.visitor(with: token)
        case nil: return .anonymous
        }
    }

    /// The named caches of this server.
    ///
    /// - Throws: ``CacheError/notFound`` where there is no depot to keep them in.
    func requireNamedCaches() throws -> NamedCaches {
        guard let named = cache.named else { throw CacheError.notFound }
        return named
    }
}
