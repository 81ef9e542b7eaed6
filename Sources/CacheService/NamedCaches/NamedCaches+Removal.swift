// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
package import NixFormat

/// What became of paths that were to be removed from a cache.
package struct PathRemoval: Sendable {
    package struct Options: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// What refers to them goes as well; what a pin means never does.
        package static let withReferrers = Options(rawValue: 1)
        /// It is only told what would go.
        package static let dryRun = Options(rawValue: 2)
    }

    package struct Path: Sendable {
        package let hash: StorePathHash
        /// `nil` where it went before its name was read.
        package let path: StorePath?
        package let sizeBytes: UInt64
    }

    /// A path that stays, and why.
    package struct Obstacle: Sendable {
        package let path: Path
        /// In the order of their hashes' text, and not all of them where there are many.
        package let referrers: [Path]
        package let referrerCount: Int
        package let pins: [String]
    }

    /// What went, or would; empty where anything is in the way or absent.
    package let removed: [Path]
    package let obstacles: [Obstacle]
    package let absent: [StorePathHash]
}

extension NamedCaches {
    /// Of each path; the rest are only counted.
    private static let mostReferrersNamed = 20

    /// Removes paths from a cache, all or none; readers do not find them from then on.
    ///
    /// It does not matter when they were used. A push that relied on one of them is refused its
    /// narinfo and sends the path again.
    ///
    /// - Throws: ``CacheError/notAllowed(_:hasCredentials:)`` without `delete` or `admin`;
    ///   ``CacheError/notFound`` for a cache that this visitor may not know of.
    package func remove(
        _ hashes: Set<StorePathHash>,
        from name: CacheName,
        _ options: PathRemoval.Options,
        by visitor: Visitor
    ) async throws -> PathRemoval {
        let mayRemove = visitor.may(.delete, name) || visitor.may(.admin, name)
        if !mayRemove {
            _ = try await requireVisible(name, to: visitor)
            throw CacheError.notAllowed(
                "this needs a token that allows delete on \(name)",
                hasCredentials: visitor != .anonymous
            )
        }
        return try await asking(within: configuration.changeDeadline) { [self] depot in
            guard try depot.registry.findCache(name) != nil else { throw CacheError.notFound }
            // Names are in the narinfos, which are gone afterwards.
            let extent: MemberDeparture.Options =
                options.contains(.withReferrers) ? .withReferrers : []
            let plan = try depot.remove(hashes, from: name, extent.union(.planOnly))
            let paths = try plan.leaving.map { try path(of: $0.hash, $0, in: name) }
            guard plan.isPossible, !options.contains(.dryRun) else {
                return try removal(plan, paths, in: name)
            }
            defer { memory.forgetDepartures() }
            let done = try depot.remove(hashes, from: name, extent)
            return try removal(done, paths, in: name)
        }
    }

    // MARK: On a thread that may wait

    private func removal(
        _ departure: MemberDeparture,
        _ known: [PathRemoval.Path],
        in name: CacheName
    ) throws -> PathRemoval {
        let paths = Dictionary(known.map { ($0.hash, $0) }) { first, _ in first }
        let obstacles = try departure.obstacles.map { obstacle in
            let referrers = obstacle.referrers.sorted { "\($0)" < "\($1)" }
            return PathRemoval.Obstacle(
                path: try paths[obstacle.hash] ?? path(of: obstacle.hash, nil, in: name),
                referrers: try referrers.prefix(Self.mostReferrersNamed)
                    .map { try path(of: $0, nil, in: name) },
                referrerCount: referrers.count,
                pins: obstacle.pins
            )
        }
        let removed = departure.isPossible ? departure.leaving : []
        return PathRemoval(
            removed: removed.map { entry in
                paths[entry.hash]
                    ?? PathRemoval.Path(
                        hash: entry.hash,
                        path: nil,
                        sizeBytes: entry.record.sizeBytes
                    )
            },
            obstacles: obstacles,
            absent: departure.absent.sorted { "\($0)" < "\($1)" }
        )
    }

    private func path(
        of hash: StorePathHash,
        _ entry: MemberEntry?,
        in name: CacheName
    ) throws -> PathRemoval.Path {
        let kept = try depot.memberNARInfo(hash, in: name)
        return PathRemoval.Path(
            hash: hash,
            path: kept?.narInfo.storePath,
            sizeBytes: entry?.record.sizeBytes ?? kept?.object.sizeBytes ?? 0
        )
    }
}
