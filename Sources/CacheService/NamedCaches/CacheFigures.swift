// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
import Synchronization

/// The figures of one cache.
package struct CacheFigures: Hashable, Sendable {
    package let name: CacheName
    package let paths: Int
    /// Objects, narinfos and other texts; what caches share counts in each.
    package let sizeBytes: UInt64
    /// `nil` without one.
    package let quotaBytes: UInt64?
    package let hits: UInt64
    package let misses: UInt64
    package let accepted: UInt64
    package let refused: UInt64

    package init(
        name: CacheName,
        paths: Int,
        sizeBytes: UInt64,
        quotaBytes: UInt64?,
        hits: UInt64 = 0,
        misses: UInt64 = 0,
        accepted: UInt64 = 0,
        refused: UInt64 = 0
    ) {
        self.name = name
        self.paths = paths
        self.sizeBytes = sizeBytes
        self.quotaBytes = quotaBytes
        self.hits = hits
        self.misses = misses
        self.accepted = accepted
        self.refused = refused
    }
}

extension NamedCaches {
    /// The figures of the caches that this visitor may know of, by name.
    package func figures(for visitor: Visitor) async throws -> [CacheFigures] {
        try await asking { [self] depot in
            try depot.registry.listCaches()
                .filter { visitor.maySee($0) || visitor.may(.admin, $0.name) }
                .map { cache in
                    let usage = try depot.usage(of: cache.name)
                    let counters = tally.of(cache.name)
                    return CacheFigures(
                        name: cache.name,
                        paths: usage.paths,
                        sizeBytes: usage.sizeBytes,
                        quotaBytes: cache.settings.quotaBytes,
                        hits: counters.hits.value,
                        misses: counters.misses.value,
                        accepted: counters.accepted.value,
                        refused: counters.refused.value
                    )
                }
        }
    }

    /// Counts what is not taken of somebody who may push to a cache.
    func countingRefusals<Value>(
        of cache: CacheName,
        _ body: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await body()
        } catch let error as CacheError {
            tally.of(cache).refused.wrappingAdd(1, ordering: .relaxed)
            throw error
        }
    }
}

extension Atomic<UInt64> {
    fileprivate var value: UInt64 { load(ordering: .relaxed) }
}
