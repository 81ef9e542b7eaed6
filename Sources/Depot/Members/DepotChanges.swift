// SPDX-License-Identifier: Apache-2.0
import Caches
import Synchronization

/// How often something that was answered of a cache has stopped being so.
///
/// A count steps when the change is in the catalog, and before the call that made it returns. An
/// answer is good for as long as the count is what it was before the answer was looked up: so what
/// is kept in memory by these counts is never older than what was acknowledged.
package final class DepotChanges: Sendable {
    private let registrationCount = Atomic<UInt64>(0)
    private let departureCount = Atomic<UInt64>(0)

    /// Caches and tokens that came, changed or went.
    package var registrations: UInt64 { registrationCount.load(ordering: .acquiring) }

    /// Paths of caches that went, or whose narinfo or object is another.
    ///
    /// Those that come do not count: nothing that was answered is wrong because of them.
    package var departures: UInt64 { departureCount.load(ordering: .acquiring) }

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
