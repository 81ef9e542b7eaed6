// SPDX-License-Identifier: Apache-2.0
import CacheService
package import Caches
import NixFormat

/// The token in an `Authorization` field.
///
/// - Source: RFC 6750 (`Bearer TOKEN`) and RFC 7617 (`Basic` of `USER:TOKEN`, which is what Nix sends
///   from a netrc file; the user does not matter).
package enum Credentials {
    /// - Returns: `nil` for a field that holds no token of ours.
    package static func token(in field: String) -> TokenSecret? {
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let value = parts[1].drop { $0 == " " }
        switch parts[0].lowercased() {
        case "bearer": return TokenSecret(parsing: value)
        case "basic":
            guard let bytes = try? Base64.decode(String(value)),
                let text = String(validating: bytes, as: UTF8.self),
                let colon = text.firstIndex(of: ":")
            else { return nil }
            return TokenSecret(parsing: text[text.index(after: colon)...])
        default: return nil
        }
    }
}

extension CacheResponder {
    /// Who asks.
    func visitor(_ facts: RequestFacts, of named: NamedCaches) async throws -> Visitor {
        if facts.isControl { return .owner }
        guard let secret = facts.authorization.flatMap(Credentials.token) else {
            return .anonymous
        }
        return try await named.visitor(with: secret)
    }

    /// The named caches of this server.
    ///
    /// - Throws: ``CacheError/notFound`` where there is no depot to keep them in.
    func requireNamedCaches() throws -> NamedCaches {
        guard let named = cache.named else { throw CacheError.notFound }
        return named
    }
}
