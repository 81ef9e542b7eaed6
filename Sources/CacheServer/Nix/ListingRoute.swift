// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `HASH.ls`: the files of a path, as Nix's `write-nar-listing` uploads them.
    func listing(_ hash: StorePathHash, _ facts: RequestFacts) async throws -> Answer {
        guard let listing = try await cache.resolveListing(hash) else { throw CacheError.notFound }
        return Representation(
            contentType: "application/json",
            entityTag: listing.entityTag,
            lifetime: .short,
            content: .bytes(listing.text),
            extraHeaders: [.firnTier: listing.tierName]
        ).answer(to: facts)
    }
}
