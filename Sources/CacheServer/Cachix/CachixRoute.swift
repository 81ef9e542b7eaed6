// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import HTTPTypes
import NixFormat

/// What the command `cachix` asks for: exactly its status codes and keys.
extension CacheResponder {
    /// `GET api/v1/cache/NAME/…`.
    func cachix(
        _ item: CachixItem,
        in name: CacheName,
        _ facts: RequestFacts
    ) async throws -> Answer {
        let named = try requireNamedCaches()
        let visitor = try await visitor(facts, of: named)
        let cache = try await known(name, to: visitor, named)
        switch item {
        case .facts:
            let permission =
                visitor.may(.admin, name) ? "Admin" : visitor.may(.push, name) ? "Write" : "Read"
            let body = CachixBodies.Cache(
                name: "\(name)",
                uri: "\(try Self.origin(facts))/\(name)",
                isPublic: cache.settings.isPublic,
                publicSigningKeys: ["\(cache.publicKey)"],
                permission: permission
            )
            return try json(body, facts)
        case .item(let item): return try await self.named(item, in: name, facts)
        case .missingPaths, .beginUpload, .announcePart, .part, .completeUpload, .abortUpload, .pin,
            .key:
            return ErrorResponse.methodNotAllowed(item.method.rawValue)
        }
    }

    /// A cache that this visitor may know of; to others one that is there is as one that is not, and
    /// who shows no token is asked for one.
    func known(
        _ name: CacheName,
        to visitor: Visitor,
        _ named: NamedCaches
    ) async throws -> NamedCache {
        do {
            return try await named.describe(name, for: visitor)
        } catch CacheError.notFound where visitor == .anonymous {
            throw CacheError.notAllowed(
                "cache \(name) is not there, or needs a token that allows it",
                hasCredentials: false
            )
        }
    }

    /// The address under which the client reached us.
    static func origin(_ facts: RequestFacts) throws(CacheError) -> String {
        guard let host = facts.host.flatMap({ RequestHost(parsing: $0) }) else {
            throw .malformed("the Host field is not a host and a port")
        }
        return "\(facts.isSecure ? "https" : "http")://\(host)"
    }
}
