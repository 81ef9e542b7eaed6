// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `NAME/…`: what is in a named cache, to whom may read it; to others there is nothing.
    func named(
        _ item: CacheItem,
        in name: CacheName,
        _ facts: RequestFacts
    ) async throws -> Answer {
        let named = try requireNamedCaches()
        let visitor = try await visitor(facts, of: named)
        switch item {
        case .cacheInfo:
            let text = try await named.cacheInfo(name, for: visitor)
            return Representation(
                contentType: "text/x-nix-cache-info",
                entityTag: nil,
                lifetime: Self.short(facts),
                content: .bytes(text),
                extraHeaders: [.firnAbilities: Self.abilities]
            ).answer(to: facts)
        case .narInfo(let hash):
            guard let found = try await named.resolveNARInfo(hash, in: name, for: visitor) else {
                throw CacheError.notFound
            }
            return Self.representation(of: found, inNamed: facts).answer(to: facts)
        case .closure(let hash):
            guard let text = try await named.resolveClosure(hash, in: name, for: visitor) else {
                throw CacheError.notFound
            }
            return Representation(
                contentType: NARInfoClosure.contentType,
                entityTag: nil,
                lifetime: Self.short(facts),
                content: .bytes(text),
                extraHeaders: [.firnTier: "\(name)"]
            ).answer(to: facts)
        case .nar(let request):
            if let offer = DeltaOffer(facts) {
                return try await nar(request, in: name, by: visitor, facts, for: offer)
            }
            guard let found = try await named.resolveNAR(request, in: name, for: visitor) else {
                throw CacheError.notFound
            }
            return Self.representation(of: found, inNamed: facts)
                .named(request, for: facts, beneath: "/\(name)")
                .answer(to: facts)
        case .listing, .log, .realisation, .buildTrace:
            guard let found = try await named.resolveText(item, in: name, for: visitor) else {
                throw CacheError.notFound
            }
            return text(found, of: item, facts)
        case .sentNAR: throw CacheError.notFound
        case .deltas: return ErrorResponse.methodNotAllowed("POST")
        }
    }

    /// To a client that has said what it reads, which no Nix does: perhaps a delta.
    private func nar(
        _ request: NARRequest,
        in name: CacheName,
        by visitor: Visitor,
        _ facts: RequestFacts,
        for offer: DeltaOffer
    ) async throws -> Answer {
        let coded = try await cache.resolveNAR(request, in: name, by: visitor, for: offer)
        guard let coded else { throw CacheError.notFound }
        var representation = Self.representation(of: coded, request, beneath: "/\(name)")
        if facts.authorization != nil { representation.lifetime = .privateImmutable }
        return representation.answer(to: facts)
    }

    private func text(
        _ found: RealisationAnswer,
        of item: CacheItem,
        _ facts: RequestFacts
    ) -> Answer {
        let isLog = if case .log = item { true } else { false }
        return Representation(
            contentType: isLog ? "text/plain; charset=utf-8" : "application/json",
            entityTag: found.entityTag,
            lifetime: Self.short(facts),
            content: .bytes(found.text),
            extraHeaders: [.xContentTypeOptions: "nosniff", .firnTier: found.tierName]
        ).answer(to: facts)
    }

    /// A narinfo of a named cache.
    static func representation(
        of found: NARInfoAnswer,
        inNamed facts: RequestFacts
    ) -> Representation {
        var representation = representation(of: found)
        representation.lifetime = short(facts)
        return representation
    }

    /// A NAR of a named cache.
    static func representation(of found: NARAnswer, inNamed facts: RequestFacts) -> Representation {
        var representation = representation(of: found)
        if facts.authorization != nil { representation.lifetime = .privateImmutable }
        return representation
    }

    /// What a token was shown for is nobody else's, whatever stands in between.
    private static func short(_ facts: RequestFacts) -> Representation.Lifetime {
        facts.authorization == nil ? .short : .privateShort
    }
}
