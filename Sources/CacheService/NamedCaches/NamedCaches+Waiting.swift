// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import Logging
import NixFormat

/// Paths that come before what they refer to.
extension NamedCaches {
    /// Puts a path into the cache whose NAR its sender has sent: now, or as soon as all that it
    /// refers to is there.
    ///
    /// - Throws: ``CacheError``, saying what of it is not so.
    func commitOrWait(
        _ narInfo: NARInfo,
        _ key: StagedNARs.Key,
        into cache: NamedCache
    ) async throws {
        while true {
            // What an upstream that is silent may have is waited for, too.
            let found = try await references(of: [narInfo], cache)
            let hashes = found.absent.union(found.unknown.keys)
            guard !hashes.isEmpty else { return try await commit(narInfo, key, into: cache) }
            guard let nar = staged.find(key) else {
                throw CacheError.refused("the NAR of \(narInfo.storePath) is gone; send it again")
            }
            try NARInfoCheckIn.require(narInfo, describes: nar)
            let path = WaitingPath(narInfo: narInfo, key: key, cache: cache, lacking: hashes)
            if let old = try waiting.insert(path), old.key != key { staged.remove(old.key) }
            // Of what came between the look and this nobody tells any more.
            let late = try await asking { try $0.useMembers(among: hashes, in: cache.name) }
            guard !late.isEmpty, waiting.take(path) != nil else { return }
        }
    }

    /// Whether this sender has sent a path that waits for what it refers to.
    func isWaiting(
        _ hash: StorePathHash,
        in cache: CacheName,
        from principal: Principal
    ) -> Bool {
        guard let path = waiting.find(hash, in: cache, from: principal) else { return false }
        return staged.find(path.key) != nil
    }

    /// Puts into a cache what has waited for a path, and what has waited for that.
    ///
    /// It goes on whoever loses interest: nobody else would look again.
    func releaseWaiting(on hash: StorePathHash, in cache: CacheName) async {
        guard !waiting.isEmpty else { return }
        await Task {
            var arrived = [hash]
            while let hash = arrived.popLast() {
                for path in waiting.arrive(hash, in: cache) where await admit(path) {
                    arrived.append(path.hash)
                }
            }
        }.value
    }

    /// Looks again at all that waits: an upstream may have what was lacking, or its time is over.
    func settleWaiting() async {
        for path in waiting.all {
            guard staged.find(path.key) != nil else {
                if waiting.take(path) != nil { drop(path, because: Self.overdue(path)) }
                continue
            }
            guard waiting.take(path) != nil else { continue }
            do {
                try await commitOrWait(path.narInfo, path.key, into: path.cache)
            } catch {
                putBack(path, after: error)
            }
        }
    }

    private static func overdue(_ path: WaitingPath) -> String {
        let names = path.narInfo.references.filter { path.lacking.contains($0.hash) }
        return "it has waited too long for "
            + names.prefix(3).map { "\($0)" }
            .joined(separator: ", ")
    }

    private func admit(_ path: WaitingPath) async -> Bool {
        do {
            try await admit(path.narInfo, path.key, into: path.cache)
            return true
        } catch {
            putBack(path, after: error)
            return false
        }
    }

    /// What could not be looked at goes on waiting; anything else will not become better.
    private func putBack(_ path: WaitingPath, after error: any Error) {
        guard case CacheError.storageUnavailable = error else {
            return drop(path, because: "\(error)")
        }
        do {
            if let old = try waiting.insert(path), old.key != path.key { staged.remove(old.key) }
            logger.warning("still waiting", metadata: metadata(path, "\(error)"))
        } catch {
            drop(path, because: "\(error)")
        }
    }

    private func drop(_ path: WaitingPath, because cause: String) {
        staged.remove(path.key)
        logger.warning("dropped; push it again", metadata: metadata(path, cause))
    }

    private func metadata(_ path: WaitingPath, _ cause: String) -> Logger.Metadata {
        [
            "cache": "\(path.cache.name)", "path": "\(path.narInfo.storePath)",
            "cause": "\(cause)",
        ]
    }
}
