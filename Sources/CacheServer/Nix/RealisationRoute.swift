// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `realisations/ID.doi`: what Nix up to 2.34 asks for content-addressed outputs.
    func realisation(_ id: DerivationOutputID, _ facts: RequestFacts) async throws -> Answer {
        try json(await cache.resolveRealisation(id), facts)
    }

    /// `build-trace-v2/DRV/OUTPUT.doi`: the same from Nix 2.35 on.
    func buildTrace(
        _ derivation: StorePath,
        _ output: String,
        _ facts: RequestFacts
    ) async throws -> Answer {
        try json(await cache.resolveBuildTrace(derivation, output: output), facts)
    }

    /// Nix takes JSON that it cannot parse for an error rather than a miss, so absent is 404.
    private func json(_ found: RealisationAnswer?, _ facts: RequestFacts) throws -> Answer {
        guard let found else { throw CacheError.notFound }
        return Representation(
            contentType: "application/json",
            entityTag: found.entityTag,
            lifetime: .short,
            content: .bytes(found.text),
            extraHeaders: [.firnTier: found.tierName]
        ).answer(to: facts)
    }
}
