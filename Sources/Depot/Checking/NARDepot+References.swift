// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat

extension NARDepot {
    /// What paths of a cache refer to and the cache has not, by those that refer to it; it has to be
    /// in an upstream.
    ///
    /// Read from the narinfos themselves, which are what readers see.
    package func absentReferences(
        of cache: CacheName
    ) throws -> [StorePath: Set<StorePathHash>] {
        var absent: [StorePath: Set<StorePathHash>] = [:]
        try forEachMember(of: cache) { entry, _ in
            guard let narInfo = try peek(at: entry)?.narInfo else { return }
            let references = narInfo.references.filter { $0.hash != entry.hash }
            let present = try catalog.present(Set(references.map(\.hash)), in: cache)
            for reference in references where !present.contains(reference.hash) {
                // It may have gone since the page was read, with what refers to it.
                guard try catalog.findMember(entry.hash, in: cache) != nil else { return }
                absent[reference, default: []].insert(entry.hash)
            }
        }
        return absent
    }
}
