// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// Sends what is queued, again and again until it is there.
///
/// An entry leaves the queue when its whole closure is in the cache, when a filter keeps it back, or
/// when the path is not in the store any more. A derivation's entry becomes those of its outputs. Everything else stays, and is tried again after
/// growing pauses.
package struct PushWorker: Sendable {
    package struct Pauses: Hashable, Sendable {
        package var first: Duration = .seconds(5)
        package var longest: Duration = .seconds(900)

        package init() {}
    }

    /// What a round has come to.
    package enum Round: Sendable {
        /// Nothing was to be done now.
        case idle
        case sent(PushReport)
        /// Paths that were not in the store any more are all that there was.
        case dropped
    }

    private struct Trouble {
        var pause: Duration
        var until: ContinuousClock.Instant
    }

    /// For how long what the cache had is taken to be there still.
    private static let memoryLife = Duration.seconds(300)

    private let queue: PushQueue
    private let store: any LocalStore
    private let pusher: Pusher
    private let filter: PushFilter
    private let pauses: Pauses
    private let onDrop: @Sendable (StorePath) -> Void
    private let files = WorkerThreads(name: "firn-queue", threads: 1, maximumQueued: 16)
    private var troubles: [StorePath: Trouble] = [:]
    private var known: Set<StorePathHash> = []
    private var knownUntil = ContinuousClock.now

    package init(
        _ queue: PushQueue,
        store: any LocalStore,
        pusher: Pusher,
        filter: PushFilter = .none,
        pauses: Pauses = Pauses(),
        onDrop: @escaping @Sendable (StorePath) -> Void = { _ in }
    ) {
        self.queue = queue
        self.store = store
        self.pusher = pusher
        self.filter = filter
        self.pauses = pauses
        self.onDrop = onDrop
    }

    /// Sends what is queued and due.
    ///
    /// - Throws: ``PushTargetError``, ``PushQueue/Failure``, `LocalStoreError`; the queue is as it was.
    package mutating func round() async throws -> Round {
        let now = ContinuousClock.now
        try await queueOutputs(of: try queue.entries().filter(\.isDerivation))
        let due = try queue.entries().filter { troubles[$0].map { $0.until <= now } ?? true }
        guard !due.isEmpty else { return .idle }
        let valid = try await dropCollected(due)
        guard !valid.isEmpty else { return .dropped }
        if knownUntil <= now {
            known = []
            knownUntil = now + Self.memoryLife
        }
        let plan: PushPlan
        do {
            plan = try await pusher.plan(valid.map(\.hash), filter: filter, assuming: known)
        } catch is ClosureWalk.NotValid {
            // Collected between two looks; the next round sees it.
            return .dropped
        } catch {
            for path in valid { postpone(path) }
            throw error
        }
        let report = await pusher.push(plan)
        try settle(valid, plan, report)
        return .sent(report)
    }

    /// When something that failed is due again; `nil` when nothing waits.
    package var nextTry: ContinuousClock.Instant? { troubles.values.map(\.until).min() }

    /// A derivation stands for what it makes: some versions of Nix tell their hook no more.
    private func queueOutputs(of derivations: [StorePath]) async throws {
        for derivation in derivations {
            let outputs = try await files.run(deadline: .seconds(30)) { [store] in
                try DerivationOutputs.read(derivation, in: store)
            }
            for output in outputs { try queue.add(output) }
            if outputs.isEmpty { onDrop(derivation) }
            try queue.remove(derivation)
        }
    }

    private func dropCollected(_ paths: [StorePath]) async throws -> [StorePath] {
        var valid: [StorePath] = []
        for path in paths {
            if try await store.findPathInfo(path.hash, deadline: .seconds(30)) != nil {
                valid.append(path)
            } else {
                try queue.remove(path)
                onDrop(path)
            }
        }
        return valid
    }

    private mutating func settle(
        _ roots: [StorePath],
        _ plan: PushPlan,
        _ report: PushReport
    ) throws {
        var outcomes: [StorePath: PushOutcome] = [:]
        for result in report.results { outcomes[result.info.path] = result.outcome }
        for item in plan.items {
            switch (item.decision, outcomes[item.info.path]) {
            case (.skip(.present), _), (.skip(.elsewhere), _), (_, .sent), (_, .proved):
                known.insert(item.info.path.hash)
            default: continue
            }
        }
        let refused = Set(plan.items.filter(\.isRefused).map(\.info.path))
        for root in roots {
            switch outcomes[root] {
            case .failed, .refersTo, .notSent: postpone(root)
            // A cache that has no room now may have it later.
            case nil where refused.contains(root): postpone(root)
            case .sent, .proved, nil:
                try queue.remove(root)
                troubles[root] = nil
            case .collected:
                try queue.remove(root)
                troubles[root] = nil
                onDrop(root)
            }
        }
    }

    private mutating func postpone(_ path: StorePath) {
        let pause = troubles[path].map { min($0.pause * 2, pauses.longest) } ?? pauses.first
        let lot = Double.random(in: 0.5...1)
        troubles[path] = Trouble(pause: pause, until: .now + pause * lot)
    }
}
