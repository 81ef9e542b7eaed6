// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import NixFormat
import Upstream

extension NamedCaches {
    private static let lookUpsAtOnce = 16

    /// Where what paths refer to is.
    struct Whereabouts: Sendable {
        var present: Set<StorePathHash> = []
        /// In an upstream.
        var elsewhere: Set<StorePathHash> = []
        var absent: Set<StorePathHash> = []
        /// Perhaps in an upstream, which did not answer.
        var unknown: Set<StorePathHash> = []
    }

    /// The references of a path that have to be in the cache: all but those that are not, and that an
    /// upstream has.
    ///
    /// - Throws: ``CacheError/refused(_:)`` for references that are nowhere, and
    ///   ``CacheError/storageUnavailable(_:)`` when an upstream that may have them does not answer.
    func referencesToRequire(
        of narInfo: NARInfo,
        in cache: NamedCache
    ) async throws -> Set<StorePathHash> {
        let found = try await references(of: [narInfo], cache)
        let lacking = narInfo.references.filter { found.absent.contains($0.hash) }
        guard lacking.isEmpty else { throw Self.lacking(lacking, narInfo, cache.name) }
        guard found.unknown.isEmpty else {
            throw CacheError.storageUnavailable(UpstreamSilence())
        }
        return found.present
    }

    /// Looks for what paths refer to beside each other.
    ///
    /// - Throws: ``CacheError/storageUnavailable(_:)`` where the depot does not answer.
    func references(
        of narInfos: [NARInfo],
        _ cache: NamedCache
    ) async throws -> Whereabouts {
        var paths = Set(narInfos.flatMap(\.references))
        paths.subtract(narInfos.map(\.storePath))
        let hashes = Set(paths.map(\.hash))
        var found = Whereabouts()
        found.present = try await asking(within: configuration.changeDeadline) { depot in
            try depot.useMembers(among: hashes, in: cache.name)
        }
        let others = paths.filter { !found.present.contains($0.hash) }
        let upstreams = upstreams(of: cache)
        await withTaskGroup(of: (StorePathHash, Bool?).self) { group in
            var rest = Array(others)[...]
            let startNext = { (group: inout TaskGroup<(StorePathHash, Bool?)>) in
                guard let path = rest.popFirst() else { return }
                group.addTask { (path.hash, await Self.isAt(upstreams, path)) }
            }
            for _ in 0..<Self.lookUpsAtOnce { startNext(&group) }
            for await (hash, isThere) in group {
                switch isThere {
                case true?: found.elsewhere.insert(hash)
                case false?: found.absent.insert(hash)
                case nil: found.unknown.insert(hash)
                }
                startNext(&group)
            }
        }
        return found
    }

    /// - Returns: `nil` when one that may have it did not answer.
    private static func isAt(_ upstreams: [RemoteTier], _ path: StorePath) async -> Bool? {
        var isSure = true
        for tier in upstreams {
            switch await tier.lookUp(path.hash) {
            case .found(let narInfo) where narInfo.storePath == path: return true
            case .found, .absent: break
            case .failed: isSure = false
            }
        }
        return isSure ? false : nil
    }
}

/// An upstream that may have a reference does not say whether it does.
struct UpstreamSilence: Error {}
