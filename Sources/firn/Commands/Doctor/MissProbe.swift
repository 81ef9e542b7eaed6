// SPDX-License-Identifier: Apache-2.0
import CacheClient
import ClientSetup
import Foundation
import Glibc
import NixFormat
import NixStore

/// Asks caches again for what Nix remembers them not to have.
struct MissProbe: Sendable {
    let folders: [String]
    /// How long Nix believes a miss, in seconds.
    let lifetimeSeconds: Int
    let storeDirectory: StoreDirectory
    let limit: Duration

    private static let mostMisses = 500
    private static let mostQuestions = 24
    private static let standardSeconds = 3_600

    init(_ nix: NixFacts, _ environment: [String: String], _ limit: Duration) {
        let home = environment["HOME"] ?? ""
        let caches =
            environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(home)/.cache"
        // The Nix daemon is root, and remembers by itself.
        let isDaemons = geteuid() == 0 && DaemonTrust.hasDaemon(environment)
        let root = isDaemons ? ["/root/.cache/nix"] : []
        folders = ["\(caches)/nix"] + root.filter { $0 != "\(caches)/nix" }
        lifetimeSeconds = nix.number("narinfo-cache-negative-ttl") ?? Self.standardSeconds
        storeDirectory = .standard
        self.limit = limit
    }

    func run(_ targets: [CacheTarget]) async -> [MissFacts] {
        let since = Int64(Date().timeIntervalSince1970) - Int64(lifetimeSeconds)
        let folders = folders
        let all = await Bounded.run(limit) { folders.flatMap { Self.remembered($0, since) } } ?? []
        return await withTaskGroup(of: (Int, MissFacts?).self) { group in
            for (place, target) in targets.enumerated() {
                group.addTask { (place, await facts(of: target, all)) }
            }
            return await group.reduce(into: [(Int, MissFacts?)]()) { $0.append($1) }
                .sorted { $0.0 < $1.0 }.compactMap(\.1)
        }
    }

    private static func remembered(_ folder: String, _ since: Int64) -> [RememberedMiss] {
        LookupMemory.all(in: folder).flatMap { memory in
            // A file that another version of Nix keeps in another way is passed over.
            ((try? memory.misses(since: since, limit: mostMisses)) ?? []).map {
                RememberedMiss(
                    file: memory.path,
                    cache: $0.cache,
                    hashPart: $0.hashPart,
                    since: $0.since
                )
            }
        }
    }

    private func facts(of target: CacheTarget, _ all: [RememberedMiss]) async -> MissFacts? {
        let own = all.filter { ClientSettings.isSame($0.cache, "\(target.url)") }
            .prefix(Self.mostQuestions)
        guard !own.isEmpty else { return nil }
        let reader = CacheReader(
            url: "\(target.url)",
            login: target.login,
            certificate: .trustedHere,
            limit: limit
        )
        let directory = storeDirectory
        let stale = await withTaskGroup(of: RememberedMiss?.self) { group in
            for miss in own {
                group.addTask {
                    guard let hash = try? StorePathHash(parsing: miss.hashPart),
                        let info = try? await reader.narInfo(hash, in: directory)
                    else { return nil }
                    return info.storePath.hash == hash ? miss : nil
                }
            }
            return await group.reduce(into: [RememberedMiss]()) {
                if let miss = $1 { $0.append(miss) }
            }
        }
        return MissFacts(
            cache: "\(target.url)",
            asked: own.count,
            stale: stale.sorted { $0.hashPart < $1.hashPart }
        )
    }
}
