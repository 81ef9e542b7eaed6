// SPDX-License-Identifier: Apache-2.0
import Caches
import Synchronization

/// What a named cache has done since this process started; each only grows.
final class CacheCounters: Sendable {
    /// Narinfos that were asked for and there, or not there.
    let hits = Atomic<UInt64>(0)
    let misses = Atomic<UInt64>(0)
    /// Paths that were pushed, those that were there already among them.
    let accepted = Atomic<UInt64>(0)
    /// NARs and narinfos that were sent by who may push, and not taken.
    let refused = Atomic<UInt64>(0)
}

/// The counters of each cache that somebody had to do with.
///
/// Only to be asked about caches that are registered, so that nobody can make it grow.
final class CacheTally: Sendable {
    private let counters = Mutex<[CacheName: CacheCounters]>([:])

    func of(_ cache: CacheName) -> CacheCounters {
        counters.withLock { counters in
            if let known = counters[cache] { return known }
            let new = CacheCounters()
            counters[cache] = new
            return new
        }
    }

    func forget(_ cache: CacheName) { counters.withLock { $0[cache] = nil } }
}
