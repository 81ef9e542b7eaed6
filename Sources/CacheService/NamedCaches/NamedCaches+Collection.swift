// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
package import Foundation
import Logging
import NixFormat

/// A path of a cache that went, or would go.
package struct CollectedPath: Sendable {
    package let cache: CacheName
    package let hash: String
    package let sizeBytes: UInt64
    package let lastUsedAt: Date
}

extension NamedCaches {
    private static let removedTogether = 256

    /// Removes from every cache what its retention and quota do not leave room for, and nothing that
    /// a pin or a path that stays needs.
    ///
    /// Safe at any moment beside pushes and reads.
    ///
    /// `declared`: Settings that count in place of what is registered, for a daemon that has not
    /// started with them yet.
    /// - Returns: What went, or would go with `isDryRun`.
    package func collect(
        isDryRun: Bool,
        declared: [CacheName: CacheSettings] = [:]
    ) async throws -> [CollectedPath] {
        staged.dropOverdue()
        return try await asking(within: configuration.changeDeadline) { [self] depot in
            // What is answered from memory is noted there alone.
            depot.flushUses()
            return try depot.registry.listCaches().flatMap { cache in
                var cache = cache
                cache.settings = declared[cache.name] ?? cache.settings
                return try collect(cache, beyond: cache.settings.quotaBytes, isDryRun: isDryRun)
            }
        }
    }

    /// More than is needed: a plan looks at all of a cache, and not every push to a full one is to
    /// wait for another.
    private static let spareShare: UInt64 = 64

    /// Brings one cache below its quota by so much, and a little more, if what was not used lately
    /// allows it.
    func makeRoom(in cache: NamedCache, _ sizeBytes: UInt64) async throws {
        guard let quota = cache.settings.quotaBytes else { return }
        let needed = sizeBytes + quota / Self.spareShare
        let target = quota > needed ? quota - needed : 0
        _ = try await asking(within: configuration.changeDeadline) { [self] _ in
            try collect(cache, beyond: target, isDryRun: false)
        }
    }

    // MARK: On a thread that may wait

    private func collect(
        _ cache: NamedCache,
        beyond targetBytes: UInt64?,
        isDryRun: Bool
    ) throws -> [CollectedPath] {
        let now = Self.now
        let usage = try depot.usage(of: cache.name)
        let excess = targetBytes.map { usage.sizeBytes > $0 ? usage.sizeBytes - $0 : 0 } ?? 0
        let cutoff = cache.settings.retentionSeconds.map { (now - $0) * 1_000_000 }
        guard excess > 0 || cutoff != nil else { return [] }
        let limits = CollectionPlan.Limits(
            unusedSince: cutoff,
            excessBytes: excess,
            mayGoSince: (now - configuration.graceSeconds) * 1_000_000
        )
        var entries: [StorePathHash: MemberEntry] = [:]
        let plan = try plan(for: cache, limits, &entries, at: now)
        var gone: [MemberEntry] = []
        let parts = [(plan.retired, cutoff ?? 0), (plan.crowdedOut, limits.mayGoSince)]
        for (hashes, usedBefore) in parts {
            let chosen = hashes.compactMap { entries[$0] }
            gone += isDryRun ? chosen : try remove(chosen, from: cache.name, usedBefore)
        }
        if let cutoff, !isDryRun { try removeExtras(of: cache.name, before: cutoff) }
        return gone.map(CollectedPath.init)
    }

    private func plan(
        for cache: NamedCache,
        _ limits: CollectionPlan.Limits,
        _ entries: inout [StorePathHash: MemberEntry],
        at now: Int64
    ) throws -> CollectionPlan {
        var paths: [CollectionPlan.Path] = []
        var found: [StorePathHash: MemberEntry] = [:]
        try depot.forEachMember(of: cache.name) { entry, references in
            found[entry.hash] = entry
            paths.append(
                CollectionPlan.Path(
                    hash: entry.hash,
                    references: Array(references),
                    sizeBytes: entry.record.sizeBytes + entry.record.narInfoSizeBytes,
                    usedAt: entry.record.usedAt
                )
            )
        }
        entries = found
        let pins = try depot.pins(of: cache.name)
        let pinned = Set(pins.flatMap { $0.kept(at: now) }.map(\.path.hash))
        return CollectionPlan(paths, pinned: pinned, limits)
    }

    /// In pieces, so that pushes never wait for long.
    private func remove(
        _ entries: [MemberEntry],
        from cache: CacheName,
        _ usedBefore: Int64
    ) throws -> [MemberEntry] {
        var gone: [MemberEntry] = []
        var rest = entries[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Self.removedTogether))
            gone += try depot.remove(piece, from: cache, usedBefore: usedBefore)
            rest = rest.dropFirst(Self.removedTogether)
        }
        memory.forgetDepartures()
        return gone
    }

    private func removeExtras(of cache: CacheName, before cutoff: Int64) throws {
        while true {
            let page = try depot.extras(of: cache, before: cutoff, limit: Self.removedTogether)
            let removable = page.filter { extra in
                // A listing goes with its path.
                if case .listing(let hash) = extra {
                    (try? depot.memberNARInfo(hash, in: cache)) ?? nil == nil
                } else {
                    true
                }
            }
            for extra in removable { try depot.removeExtra(extra, of: cache) }
            guard !removable.isEmpty, page.count == Self.removedTogether else { return }
        }
    }
}

extension CollectedPath {
    fileprivate init(_ entry: MemberEntry) {
        cache = entry.cache
        hash = "\(entry.hash)"
        sizeBytes = entry.record.sizeBytes
        lastUsedAt = Date(timeIntervalSince1970: Double(entry.record.usedAt) / 1_000_000)
    }
}
