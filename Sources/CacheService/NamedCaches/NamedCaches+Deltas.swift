// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
import NixFormat

extension NamedCaches {
    /// Makes sure that somebody may read what is in a cache.
    ///
    /// - Throws: ``CacheError/notFound`` otherwise, whether or not there is such a cache.
    package func requireReadable(_ name: CacheName, to visitor: Visitor) async throws {
        guard visitor.mayRead(try await requireVisible(name, to: visitor)) else {
            throw CacheError.notFound
        }
    }

    /// A NAR that a path of a cache names, whatever form it is kept in.
    ///
    /// `name`: Of a cache that whoever asks may read.
    /// - Returns: `nil` also when nobody knows.
    func localNAR(
        _ storeHash: StorePathHash,
        _ narHash: NixHash,
        in name: CacheName
    ) async -> LocalNAR? {
        let found = try? await asking { try Self.localNAR(storeHash, narHash, in: name, $0) }
        return found ?? nil
    }

    /// The same of all caches that everybody may read.
    func publicLocalNAR(_ storeHash: StorePathHash, _ narHash: NixHash) async -> LocalNAR? {
        let found = try? await asking { depot -> LocalNAR? in
            for cache in try depot.registry.listCaches() where cache.settings.isPublic {
                if let nar = try Self.localNAR(storeHash, narHash, in: cache.name, depot) {
                    return nar
                }
            }
            return nil
        }
        return found ?? nil
    }

    private static func localNAR(
        _ storeHash: StorePathHash,
        _ narHash: NixHash,
        in name: CacheName,
        _ depot: NARDepot
    ) throws -> LocalNAR? {
        for form in [NARForm.zstd, .identity] {
            let key = try ObjectKey(storeHash: storeHash, narHash: narHash, form: form)
            if let object = try depot.openMember(key, in: name) { return try LocalNAR(object) }
        }
        return nil
    }
}
