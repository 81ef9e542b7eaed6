// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization
import Upstream

/// Asks a tier for the narinfos of references before Nix does: it will, one path at a time.
///
/// A Firn sends a whole closure at once; another cache is asked for each path, a few at a time. Only
/// narinfos are moved, never NARs.
final class Prefetcher: Sendable {
    private static let maximumConcurrent = 16
    private static let maximumWaiting = 10_000
    private static let maximumClosures = 4

    private struct State {
        var waiting: [StorePath] = []
        var queued: Set<StorePathHash> = []
        var running = 0
        /// Closures on their way, by what they are known to bring.
        var expected: [StorePathHash: Flight<Bool>] = [:]
        var closures = 0
    }

    private let isLocal: @Sendable (StorePath) async -> Bool
    private let state = Mutex(State())

    init(isLocal: @escaping @Sendable (StorePath) async -> Bool) {
        self.isLocal = isLocal
    }

    /// A closure that is on its way and has this path in it.
    func closure(bringing hash: StorePathHash) -> Flight<Bool>? {
        state.withLock { $0.expected[hash] }
    }

    /// Sees to it that what a narinfo refers to is known soon; returns at once.
    func prefetch(_ narInfo: NARInfo, from tier: RemoteTier) {
        let unknown = narInfo.references.filter {
            $0 != narInfo.storePath && tier.recall($0.hash) == nil
        }
        guard !unknown.isEmpty else { return }
        guard tier.cache.isFirn else { return enqueue(unknown, from: tier) }
        let flight = Flight<Bool>()
        let isBegun = state.withLock { state in
            guard state.closures < Self.maximumClosures,
                unknown.contains(where: { state.expected[$0.hash] == nil })
            else { return false }
            state.closures += 1
            for path in unknown { state.expected[path.hash] = flight }
            return true
        }
        guard isBegun else { return }
        Task {
            let narInfos = await tier.cache.lookUpClosure(narInfo.storePath.hash)
            let now = ContinuousClock.now
            for narInfo in narInfos ?? [] { tier.memory.remember(narInfo, at: now) }
            state.withLock { state in
                state.closures -= 1
                for path in unknown where state.expected[path.hash] === flight {
                    state.expected[path.hash] = nil
                }
            }
            flight.land(narInfos != nil)
            // What a closure leaves out may be there all the same.
            let missing = unknown.filter { tier.recall($0.hash) == nil }
            if !missing.isEmpty { enqueue(missing, from: tier) }
        }
    }

    private func enqueue(_ paths: [StorePath], from tier: RemoteTier) {
        let starting = state.withLock { state in
            for path in paths where state.waiting.count < Self.maximumWaiting {
                if state.queued.insert(path.hash).inserted { state.waiting.append(path) }
            }
            let starting = min(Self.maximumConcurrent - state.running, state.waiting.count)
            state.running += starting
            return starting
        }
        for _ in 0..<starting { Task { await work(for: tier) } }
    }

    private func work(for tier: RemoteTier) async {
        while let path = next() {
            let isKnown = tier.recall(path.hash) != nil
            // What it brings with it is asked for in turn: see `RemoteTier.ask`.
            if !isKnown, tier.isAvailable, await !isLocal(path) { _ = await tier.ask(path.hash) }
            state.withLock { _ = $0.queued.remove(path.hash) }
        }
    }

    private func next() -> StorePath? {
        state.withLock { state in
            guard let path = state.waiting.popLast() else {
                state.running -= 1
                return nil
            }
            return path
        }
    }
}
