// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore

extension StoreTier {
    /// The `.ls` document of the path with this hash: `root` and `version` 1, as Nix 2.13 to 2.34 spells it.
    ///
    /// - Returns: `nil` when there is no such path.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when nobody knows, or its files cannot be read.
    package func resolveListing(_ hash: StorePathHash) async throws -> ListingAnswer? {
        guard let info = try await resolve(hash)?.info else { return nil }
        let key = ListingMemory.Key(storeHash: hash, narHash: info.narHash)
        if let known = listings.listing(for: key) { return known }
        let made = try await waiting(atMost: Self.fileDeadline) { [self] in try walk(info) }
        if let made { listings.remember(made, for: key) }
        return made
    }

    /// Blocks.
    private func walk(_ info: PathInfo) throws -> ListingAnswer? {
        do {
            return ListingAnswer(text: try store.listing(info).documentJSON(.sorted))
        } catch NARReadError.pathVanished {
            distrust(info)
            return nil
        }
    }
}
