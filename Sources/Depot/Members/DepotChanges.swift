// SPDX-License-Identifier: Apache-2.0
import Caches
import Synchronization

/// How often something that was answered of a cache has stopped being so, and what has come lately.
///
/// A count of what has stopped steps when the change is in the catalog, and before the call that made
/// it returns. An answer is good for as long as the count is what it was before the answer was looked
/// up: so what is kept in memory by these counts is never older than what was acknowledged.
package final class DepotChanges: Sendable {
    private struct Arrivals {
        var count: UInt64 = 0
        /// The last of them, by their numbers modulo `maximumArrivals`.
        var keys: [ObjectKey] = []
    }

    private static let maximumArrivals = 4_096

    private let registrationCount = Atomic<UInt64>(0)
    private let departureCount = Atomic<UInt64>(0)
    private let lastArrivals = Mutex(Arrivals())

    /// Caches and tokens that came, changed or went.
    package var registrations: UInt64 { registrationCount.load(ordering: .acquiring) }

    /// Paths of caches that went, or whose narinfo or object is another.
    ///
    /// Those that come do not count: nothing that was answered is wrong because of them.
    package var departures: UInt64 { departureCount.load(ordering: .acquiring) }

    /// Objects that have come since a count of them, shown to everybody; of this process alone.
    ///
    /// - Returns: Their keys, `nil` where too many have come to remember, and the count as it is now.
    package func arrivals(since count: UInt64) -> (keys: [ObjectKey]?, count: UInt64) {
        lastArrivals.withLock { arrivals in
            let new = arrivals.count - min(count, arrivals.count)
            guard new <= UInt64(arrivals.keys.count) else { return (nil, arrivals.count) }
            let keys = (arrivals.count - new..<arrivals.count).map {
                arrivals.keys[Int($0 % UInt64(Self.maximumArrivals))]
            }
            return (keys, arrivals.count)
        }
    }

    package func noteArrival(_ key: ObjectKey) {
        lastArrivals.withLock { arrivals in
            if arrivals.keys.count < Self.maximumArrivals {
                arrivals.keys.append(key)
            } else {
                arrivals.keys[Int(arrivals.count % UInt64(Self.maximumArrivals))] = key
            }
            arrivals.count += 1
        }
    }

    func noteRegistration() { registrationCount.wrappingAdd(1, ordering: .acquiringAndReleasing) }

    func noteDeparture() { departureCount.wrappingAdd(1, ordering: .acquiringAndReleasing) }
}

/// A registry that counts what is changed through it.
struct CountedRegistry: CacheRegistry {
    let registry: any CacheRegistry
    let changes: DepotChanges

    /// Counts what fails as well: it may have been written for all that.
    private func counted<Value>(_ change: () throws -> Value) rethrows -> Value {
        defer { changes.noteRegistration() }
        return try change()
    }

    func insert(_ cache: NamedCache) throws -> Bool { try counted { try registry.insert(cache) } }

    func findCache(_ name: CacheName) throws -> NamedCache? { try registry.findCache(name) }

    func listCaches() throws -> [NamedCache] { try registry.listCaches() }

    func update(_ cache: NamedCache) throws -> Bool { try counted { try registry.update(cache) } }

    func deleteCache(_ name: CacheName) throws -> Bool {
        try counted { try registry.deleteCache(name) }
    }

    func insert(_ token: AccessToken) throws -> Bool { try counted { try registry.insert(token) } }

    func findToken(_ digest: TokenDigest) throws -> AccessToken? { try registry.findToken(digest) }

    func listTokens() throws -> [AccessToken] { try registry.listTokens() }

    func deleteToken(_ id: TokenID) throws -> AccessToken? {
        try counted { try registry.deleteToken(id) }
    }
}
