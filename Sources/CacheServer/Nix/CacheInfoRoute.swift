// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// What another Firn may ask for besides, of the merged view as of a named cache.
    static let abilities = "closure, delta"

    /// `nix-cache-info`: answered from memory, whatever the database does.
    func cacheInfo(_ facts: RequestFacts) -> Answer {
        let text = CacheInfo(
            storeDirectory: tier.storeDirectory,
            wantsMassQuery: true,
            priority: priority
        ).description
        return Representation(
            contentType: "text/x-nix-cache-info",
            entityTag: nil,
            lifetime: .short,
            content: .bytes(Array(text.utf8)),
            extraHeaders: [.firnAbilities: Self.abilities]
        ).answer(to: facts)
    }
}
