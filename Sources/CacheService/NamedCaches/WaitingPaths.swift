// SPDX-License-Identifier: Apache-2.0
import Caches
import NixFormat
import Synchronization

/// A path whose NAR is here and verified, and which refers to some that are not.
struct WaitingPath: Sendable {
    let narInfo: NARInfo
    let key: StagedNARs.Key
    let cache: NamedCache
    /// What it refers to and is not there yet.
    var lacking: Set<StorePathHash>

    var hash: StorePathHash { narInfo.storePath.hash }
}

/// The paths that wait for what they refer to; in memory only.
final class WaitingPaths: Sendable {
    private struct Place: Hashable {
        let cache: CacheName
        let principal: Principal
        let hash: StorePathHash

        init(_ path: WaitingPath) {
            self.init(cache: path.key.cache, principal: path.key.principal, hash: path.hash)
        }

        init(cache: CacheName, principal: Principal, hash: StorePathHash) {
            self.cache = cache
            self.principal = principal
            self.hash = hash
        }
    }

    private let paths = Mutex<[Place: WaitingPath]>([:])

    /// Each has a file open.
    private static let most = 8_192
    private static let mostOfOne = 4_096

    /// Has a path wait, in place of one that the same sender sent before.
    ///
    /// - Returns: The one before.
    /// - Throws: ``CacheError/tooMany(_:)``.
    func insert(_ path: WaitingPath) throws -> WaitingPath? {
        let place = Place(path)
        let (isIn, old) = paths.withLock { paths -> (Bool, WaitingPath?) in
            if let old = paths.updateValue(path, forKey: place) { return (true, old) }
            let own = paths.keys.count { $0.principal == place.principal }
            if paths.count > Self.most || own > Self.mostOfOne {
                paths[place] = nil
                return (false, nil)
            }
            return (true, nil)
        }
        guard isIn else {
            throw CacheError.tooMany("too many paths wait for what they refer to; push that first")
        }
        return old
    }

    /// Takes a path out, unless somebody else has or another is in its place.
    func take(_ path: WaitingPath) -> WaitingPath? {
        let place = Place(path)
        return paths.withLock { paths in
            guard paths[place]?.key == path.key else { return nil }
            return paths.removeValue(forKey: place)
        }
    }

    /// Takes out what waited for this path of a cache and for nothing else any more.
    func arrive(_ hash: StorePathHash, in cache: CacheName) -> [WaitingPath] {
        paths.withLock { paths in
            var free: [WaitingPath] = []
            for (place, path) in paths where place.cache == cache && path.lacking.contains(hash) {
                if path.lacking.count > 1 {
                    paths[place]?.lacking.remove(hash)
                } else {
                    paths[place] = nil
                    free.append(path)
                }
            }
            return free
        }
    }

    func find(
        _ hash: StorePathHash,
        in cache: CacheName,
        from principal: Principal
    ) -> WaitingPath? {
        paths.withLock { $0[Place(cache: cache, principal: principal, hash: hash)] }
    }

    var all: [WaitingPath] { paths.withLock { Array($0.values) } }

    var isEmpty: Bool { paths.withLock(\.isEmpty) }
}
