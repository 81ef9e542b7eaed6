// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import NixFormat
import Upstream

extension NamedCaches {
    private static let lookUpsAtOnce = 16

    /// The references of a path that have to be in the cache: all but those that are not, and that an
    /// upstream has.
    ///
    /// - Throws: ``CacheError/refused(_:)`` for references that are nowhere, and
    ///   ``CacheError/storageUnavailable(_:)`` when an upstream that may have them does not answer.
    func referencesToRequire(
        of narInfo: NARInfo,
        in cache: NamedCache
    ) async throws -> Set<StorePathHash> {
        let references = narInfo.references.filter { $0.hash != narInfo.storePath.hash }
        let hashes = Set(references.map(\.hash))
        let present = try await asking { try $0.useMembers(among: hashes, in: cache.name) }
        let others = references.filter { !present.contains($0.hash) }
        guard !others.isEmpty else { return present }
        let upstreams = tiers.filter { tier in
            cache.settings.upstreams.map { $0.contains(tier.name) } ?? true
        }
        var lacking: [StorePath] = []
        var rest = others[...]
        while !rest.isEmpty {
            lacking += try await absent(Array(rest.prefix(Self.lookUpsAtOnce)), from: upstreams)
            rest = rest.dropFirst(Self.lookUpsAtOnce)
        }
        guard lacking.isEmpty else { throw Self.lacking(lacking, narInfo, cache.name) }
        return present
    }

    private func absent(
        _ paths: [StorePath],
        from upstreams: [RemoteTier]
    ) async throws -> [StorePath] {
        try await withThrowingTaskGroup(of: (StorePath, Bool).self) { group in
            for path in paths {
                group.addTask {
                    do throws(UpstreamSilence) {
                        return (path, try await Self.isAt(upstreams, path))
                    } catch {
                        throw CacheError.storageUnavailable(error)
                    }
                }
            }
            return try await group.reduce(into: []) { absent, answer in
                if !answer.1 { absent.append(answer.0) }
            }
        }
    }

    /// Whether one of these has a path.
    ///
    /// - Throws: When none says that it has it, and one says nothing.
    static func isAt(
        _ upstreams: [RemoteTier],
        _ path: StorePath
    ) async throws(UpstreamSilence) -> Bool {
        var failed: String?
        for tier in upstreams {
            switch await tier.lookUp(path.hash) {
            case .found(let narInfo) where narInfo.storePath == path: return true
            case .found, .absent: break
            case .failed: failed = tier.name
            }
        }
        if let failed { throw UpstreamSilence(tierName: failed) }
        return false
    }
}

/// An upstream that may have a reference does not say whether it does.
struct UpstreamSilence: Error {
    let tierName: String
}
