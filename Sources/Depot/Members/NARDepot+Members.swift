// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat

extension NARDepot {
    /// The narinfo of a path in a cache, and the object that it names.
    ///
    /// - Returns: `nil` when it is not in this cache, or its narinfo or its object is gone.
    package func memberNARInfo(
        _ hash: StorePathHash,
        in cache: CacheName
    ) throws -> KeptNARInfo? {
        guard let entry = try catalog.findMember(hash, in: cache) else { return nil }
        return try keptMember(entry)
    }

    /// The same, as a use of the path.
    package func useMember(_ hash: StorePathHash, in cache: CacheName) throws -> KeptNARInfo? {
        try useMemberRow(hash, in: cache)?.kept
    }

    /// The same, with the number of the path's row.
    package func useMemberRow(
        _ hash: StorePathHash,
        in cache: CacheName
    ) throws -> (id: Int64, kept: KeptNARInfo)? {
        guard let entry = try catalog.findMember(hash, in: cache),
            let kept = try keptMember(entry)
        else { return nil }
        memberUses.note(entry.id, flushingWith: catalog, logger)
        return (entry.id, kept)
    }

    /// Notes that a path of a cache was used; never waits.
    ///
    /// Written down with the uses that are noted by other calls.
    package func noteUse(ofMemberRow id: Int64) { _ = memberUses.note(id) }

    /// The same of the path of this very name: another one of its hash is not it.
    package func useMember(_ path: StorePath, in cache: CacheName) throws -> KeptNARInfo? {
        guard let kept = try useMember(path.hash, in: cache), kept.narInfo.storePath == path else {
            return nil
        }
        return kept
    }

    /// Opens an object that a path of this cache names; `nil` when none does.
    package func openMember(_ key: ObjectKey, in cache: CacheName) throws -> OpenObject? {
        try openMemberRow(key, in: cache)?.object
    }

    /// The same, with the number of the path's row.
    package func openMemberRow(
        _ key: ObjectKey,
        in cache: CacheName
    ) throws -> (id: Int64, object: OpenObject)? {
        guard let entry = try catalog.findMember(key.storeHash, in: cache), entry.record.key == key
        else { return nil }
        memberUses.note(entry.id, flushingWith: catalog, logger)
        return try openAny(key).map { (entry.id, $0) }
    }

    /// Whether an object is here for whomever.
    package func holds(_ key: ObjectKey) throws -> Bool {
        guard let entry = try catalog.find(key) else { return false }
        return try complete(entry) != nil
    }

    /// Opens an object that is here for whomever; `nil` when it is not.
    package func openHeld(_ key: ObjectKey) throws -> OpenObject? { try openAny(key) }

    /// Which of these paths are in a cache, each as a use of it.
    package func useMembers(
        among hashes: Set<StorePathHash>,
        in cache: CacheName
    ) throws -> Set<StorePathHash> {
        try hashes.filter { try useMember($0, in: cache) != nil }
    }

    /// The caches in which a path names this object.
    package func caches(holding key: ObjectKey) throws -> [CacheName] {
        try catalog.caches(holding: key)
    }

    func keptMember(_ entry: MemberEntry) throws -> KeptNARInfo? {
        let name = TextName.ofCache(entry.cache, .narInfo(entry.hash))
        guard let text = try objects.read(name), let narInfo = parse(text),
            narInfo.objectKey == entry.record.key, let row = try catalog.find(entry.record.key),
            let object = try complete(row)
        else { return nil }
        return KeptNARInfo(narInfo: narInfo, object: object)
    }
}
