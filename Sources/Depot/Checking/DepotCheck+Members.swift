// SPDX-License-Identifier: Apache-2.0
import Caches
import NixFormat

extension DepotCheck {
    /// The narinfo of a path in a cache; one that is no good is removed with its row, so that the path
    /// can be pushed again.
    func check(member hash: StorePathHash, of cache: CacheName) throws {
        let name = "\(TextName.ofCache(cache, .narInfo(hash)))"
        summary.narInfos += 1
        // A path that is just coming or going has, or had, its narinfo without being found.
        guard try depot.catalog.findMember(hash, in: cache) != nil else { return }
        guard try depot.memberNARInfo(hash, in: cache) == nil else { return }
        try found(.danglingNARInfo, name) { try depot.remove(damagedMember: hash, of: cache) }
    }
}
