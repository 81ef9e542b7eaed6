// SPDX-License-Identifier: Apache-2.0
package import Caches
package import Depot
import NixFormat

/// Looks whether everything that paths of named caches refer to is there, or in an upstream.
///
/// Bytes and rows are the depot's own to check; what is elsewhere takes asking.
package struct ReferenceCheck: Sendable {
    private static let lookUpsAtOnce = 16

    /// References of a cache that nobody knows about, for an upstream does not answer.
    package struct Unknown: Hashable, Sendable {
        package let cache: CacheName
        package let tierName: String
        package let count: Int
    }

    private let depot: NARDepot
    private let tiers: [RemoteTier]

    package init(_ depot: NARDepot, tiers: [RemoteTier]) {
        self.depot = depot
        self.tiers = tiers
    }

    /// - Parameters:
    ///   - isRepairing: Whether paths that lack something are removed, with what refers to them.
    ///   - onFinding: Called with each finding, after its repair.
    /// - Returns: What nobody knows about.
    /// - Throws: What `onFinding` throws, or the failure of a file or the catalog.
    package func run(
        isRepairing: Bool,
        onFinding: (DepotFinding) throws -> Void
    ) async throws -> [Unknown] {
        var unknown: [Unknown] = []
        for cache in try depot.registry.listCaches() {
            let upstreams = tiers.filter { tier in
                cache.settings.upstreams.map { $0.contains(tier.name) } ?? true
            }
            let absent = try depot.absentReferences(of: cache.name)
            var silent: [String: Int] = [:]
            var rest = absent.keys.sorted { "\($0)" < "\($1)" }[...]
            while !rest.isEmpty {
                let piece = Array(rest.prefix(Self.lookUpsAtOnce))
                rest = rest.dropFirst(Self.lookUpsAtOnce)
                for (path, standing) in await Self.ask(upstreams, for: piece) {
                    switch standing {
                    case .present: break
                    case .unknown(let tierName): silent[tierName, default: 0] += 1
                    case .absent:
                        let referrers = absent[path] ?? []
                        let isHidden = try isRepairing && depot.hide(referrers, from: cache.name)
                        for hash in referrers.sorted(by: { "\($0)" < "\($1)" }) {
                            try onFinding(
                                DepotFinding(
                                    kind: .missingReference,
                                    name: "\(TextName.ofCache(cache.name, .narInfo(hash)))",
                                    reference: "\(path)",
                                    isRepaired: isHidden
                                )
                            )
                        }
                    }
                }
            }
            unknown += silent.sorted { $0.key < $1.key }.map {
                Unknown(cache: cache.name, tierName: $0.key, count: $0.value)
            }
        }
        return unknown
    }

    /// - Returns: In the order of the paths.
    private static func ask(
        _ upstreams: [RemoteTier],
        for paths: [StorePath]
    ) async -> [(StorePath, NamedCaches.Presence)] {
        await withTaskGroup(of: (Int, NamedCaches.Presence).self) { group in
            for (index, path) in paths.enumerated() {
                group.addTask { (index, await NamedCaches.presence(of: path, at: upstreams)) }
            }
            let standings = await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            return paths.enumerated().map { index, path in
                (path, standings[index] ?? .unknown(tierName: ""))
            }
        }
    }
}
