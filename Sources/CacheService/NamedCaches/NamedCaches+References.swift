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
        /// Perhaps in an upstream that did not answer, by its name.
        var unknown: [StorePathHash: String] = [:]
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
        if let tierName = found.unknown.values.first {
            throw CacheError.storageUnavailable(UpstreamSilence(tierName: tierName))
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
        var found = Whereabouts()
        found.present = try await asking(within: configuration.changeDeadline) { [paths] depot in
            Set(try paths.filter { try depot.useMember($0, in: cache.name) != nil }.map(\.hash))
        }
        let others = paths.filter { !found.present.contains($0.hash) }
        let upstreams = upstreams(of: cache)
        await withTaskGroup(of: (StorePathHash, Presence).self) { group in
            var rest = Array(others)[...]
            let startNext = { (group: inout TaskGroup<(StorePathHash, Presence)>) in
                guard let path = rest.popFirst() else { return }
                group.addTask { (path.hash, await Self.presence(of: path, at: upstreams)) }
            }
            for _ in 0..<Self.lookUpsAtOnce { startNext(&group) }
            for await (hash, presence) in group {
                switch presence {
                case .present: found.elsewhere.insert(hash)
                case .absent: found.absent.insert(hash)
                case .unknown(let tierName): found.unknown[hash] = tierName
                }
                startNext(&group)
            }
        }
        return found
    }

    /// Whether upstreams have a path.
    enum Presence: Sendable {
        case present
        case absent
        /// None says that it has it, and this one says nothing.
        case unknown(tierName: String)
    }

    static func presence(of path: StorePath, at upstreams: [RemoteTier]) async -> Presence {
        var silent: String?
        for tier in upstreams {
            switch await tier.lookUp(path.hash) {
            case .found(let narInfo) where narInfo.storePath == path: return .present
            case .found, .absent: break
            case .failed: silent = tier.name
            }
        }
        return silent.map { .unknown(tierName: $0) } ?? .absent
    }
}

/// An upstream that may have a reference does not say whether it does.
struct UpstreamSilence: Error {
    let tierName: String
}
