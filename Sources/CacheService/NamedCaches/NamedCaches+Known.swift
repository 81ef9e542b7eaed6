// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
package import NixFormat
import Synchronization

extension NamedCaches {
    /// A cache whose contents may be read, if memory has all that says so; never waits.
    ///
    /// `name`: As it stands in a target.
    /// `secret`: What is shown; `nil` is nothing.
    package func knownReadable(_ name: String, showing secret: TokenSecret?) -> NamedCache? {
        guard let cache = memory.cache(name) else { return nil }
        guard let secret else { return cache.settings.isPublic ? cache : nil }
        guard let token = memory.token(secret.digest), token.isValid(at: Self.now),
            Visitor.token(token).mayRead(cache)
        else { return nil }
        return cache
    }

    /// The narinfo of a path, if it is in memory; never waits.
    ///
    /// `cache`: One that may be read.
    package func knownNARInfo(_ hash: StorePathHash, in cache: NamedCache) -> NARInfoAnswer? {
        guard let known = memory.member(hash, of: cache.name) else { return nil }
        depot.noteUse(ofMemberRow: known.row)
        tally.of(cache.name).hits.wrappingAdd(1, ordering: .relaxed)
        return known.answer
    }

    /// A NAR that a path names, if its object is open; never waits.
    ///
    /// `cache`: One that may be read.
    package func knownNAR(_ request: NARRequest, in cache: NamedCache) -> NARAnswer? {
        guard let narHash = request.narHash, let key = ObjectKey(request, narHash),
            let known = memory.object(key, of: cache.name)
        else { return nil }
        depot.noteUse(ofMemberRow: known.row)
        return NARAnswer(
            content: .file(known.file),
            entityTag: key.entityTag,
            allowsRanges: true,
            tierName: "\(cache.name)"
        )
    }
}
