// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import FirnAPI

extension CacheResponder {
    /// `api/v1/tokens/…`: what `firn token` asks for.
    func tokens(_ order: TokenOrder, _ facts: RequestFacts) async throws -> Answer {
        guard let named = cache.named else {
            throw CacheError.malformed(
                "this server has no depot, and tokens are kept in it; set depot.location"
            )
        }
        let visitor = try await visitor(facts, of: named)
        switch order {
        case .create:
            let wish = try Self.wish(body(facts, as: TokenRequest.self))
            let (secret, token) = try await named.makeToken(wish, by: visitor)
            let report = NewTokenReport(token: secret.secretText(), about: TokenReport(token))
            return try json(report, facts)
        case .list:
            let all = try await named.listTokens(for: visitor)
            return try json(TokenListReport(tokens: all.map(TokenReport.init)), facts)
        case .revoke:
            guard let id = TokenID(parsing: try body(facts, as: TokenReference.self).id) else {
                throw CacheError.malformed(
                    "a token's number has 10 characters; see firn token list"
                )
            }
            return try json(TokenReport(await named.revokeToken(id, by: visitor)), facts)
        }
    }

    private static let longestLabelBytes = 200
    /// A hundred years.
    private static let longestSeconds: Int64 = 3_153_600_000

    private static func wish(_ request: TokenRequest) throws -> TokenWish {
        let pattern: CachePattern
        do throws(CachePattern.ParseError) {
            pattern = try CachePattern(parsing: request.caches)
        } catch {
            throw CacheError.malformed("\"\(request.caches.prefix(60))\" \(error)")
        }
        guard let permissions = Permissions(words: request.allow) else {
            throw CacheError.malformed("a token allows one or more of pull, push, delete, admin")
        }
        guard request.label.utf8.count <= longestLabelBytes,
            request.label.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw CacheError.malformed("a label is one line of at most 200 bytes") }
        if let seconds = request.lifetimeSeconds, !(1...longestSeconds).contains(seconds) {
            throw CacheError.malformed(
                "a token lasts from a second to a hundred years, or for ever"
            )
        }
        return TokenWish(
            caches: pattern,
            permissions: permissions,
            lifetimeSeconds: request.lifetimeSeconds,
            label: request.label
        )
    }
}

extension TokenReport {
    fileprivate init(_ token: AccessToken) {
        self.init(
            id: "\(token.id)",
            label: token.label,
            caches: "\(token.caches)",
            allow: token.permissions.words,
            createdAt: Timestamp(unixSeconds: token.createdAt),
            expiresAt: token.expiresAt.map(Timestamp.init(unixSeconds:)),
            isExpired: NamedCaches.isExpired(token)
        )
    }
}
