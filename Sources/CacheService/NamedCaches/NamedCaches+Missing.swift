// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
package import NixFormat

extension NamedCaches {
    /// As many paths as are asked for at once.
    package static let largestQuestion = 32_768
    private static let membersAtOnce = 1_024
    private static let lookUpsAtOnce = 16
    private static let patience = Duration.seconds(4)

    /// Which of these paths a push to the cache has to bring: those that are neither there nor with
    /// an upstream that says so in time, and do not wait there for what the same sender will bring.
    ///
    /// - Returns: In the order of the question, each once.
    package func findMissing(
        _ hashes: [StorePathHash],
        in name: CacheName,
        for visitor: Visitor
    ) async throws -> [StorePathHash] {
        guard hashes.count <= Self.largestQuestion else {
            throw CacheError.tooLarge("ask for \(Self.largestQuestion) paths at most at once")
        }
        let cache = try await requireVisible(name, to: visitor)
        var asked: Set<StorePathHash> = []
        let unique = hashes.filter { asked.insert($0).inserted }
        var found: Set<StorePathHash> = []
        var rest = unique[...]
        while !rest.isEmpty {
            let some = Set(rest.prefix(Self.membersAtOnce))
            found.formUnion(
                try await asking(within: configuration.changeDeadline) {
                    try $0.useMembers(among: some, in: name)
                }
            )
            rest = rest.dropFirst(Self.membersAtOnce)
        }
        if let principal = Principal(visitor), !waiting.isEmpty {
            for hash in unique where isWaiting(hash, in: name, from: principal) {
                found.insert(hash)
            }
        }
        let others = unique.filter { !found.contains($0) }
        found.formUnion(await atUpstreams(others, of: cache))
        return others.filter { !found.contains($0) }
    }

    /// Those that an upstream has, as far as they say so in time.
    private func atUpstreams(
        _ hashes: [StorePathHash],
        of cache: NamedCache
    ) async -> Set<StorePathHash> {
        let race = TierRace(tiers: upstreams(of: cache))
        guard !race.tiers.isEmpty, !hashes.isEmpty else { return [] }
        let end = ContinuousClock.now + Self.patience
        return await withTaskGroup(of: StorePathHash?.self) { group in
            var found: Set<StorePathHash> = []
            var rest = hashes[...]
            for _ in 0..<Self.lookUpsAtOnce {
                guard let next = rest.popFirst() else { break }
                group.addTask { await race.run(next).found == nil ? nil : next }
            }
            // A race ends within its budget.
            while let answer = await group.next() {
                if let answer { found.insert(answer) }
                guard ContinuousClock.now < end, let next = rest.popFirst() else { continue }
                group.addTask { await race.run(next).found == nil ? nil : next }
            }
            return found
        }
    }
}
