// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// Sends paths of a store to a cache.
///
/// Bytes travel in any order, many paths and many parts at once; a path becomes visible only after all
/// that it refers to, so that no reader of the cache ever sees a hole. What became visible stays: a
/// push that is killed and made again sends the rest.
package struct Pusher: Sendable {
    package struct Configuration: Sendable {
        /// Paths that are read, packed or sent in parts at a time.
        package var jobs = 64
        /// For what waits to be sent; frames on their way there and the process itself come on top.
        package var memoryBytes = 64 << 20
        /// Of zstd.
        package var level = 3
        package var retry = RetryPolicy()

        package init() {}
    }

    let store: any LocalStore
    let target: any PushTarget
    let configuration: Configuration
    let onEvent: @Sendable (PushEvent) -> Void

    package init(
        from store: any LocalStore,
        to target: any PushTarget,
        configuration: Configuration = Configuration(),
        onEvent: @escaping @Sendable (PushEvent) -> Void = { _ in }
    ) {
        self.store = store
        self.target = target
        self.configuration = configuration
        self.onEvent = onEvent
    }

    /// Asks whether pushing is allowed.
    ///
    /// - Throws: ``PushTargetError``.
    package func checkAccess() async throws {
        try await makeRetry().run { try await target.checkAccess() }
    }

    /// Finds out what a push of these paths would send.
    ///
    /// - Parameters:
    ///   - roots: Their closures are sent.
    ///   - filter: What the user keeps back.
    ///   - known: Not asked for, since the cache is known to have them.
    /// - Returns: A decision for each path of the closures.
    /// - Throws: ``PushTargetError``, ``ClosureWalk/NotValid``, or `LocalStoreError`.
    package func plan(
        _ roots: [StorePathHash],
        filter: PushFilter = .none,
        assuming known: Set<StorePathHash> = []
    ) async throws -> PushPlan {
        let closure = try await ClosureWalk(store).closure(of: roots)
        let retry = makeRetry()
        var needs: [StorePathHash: PushNeed] = [:]
        var rest = closure.filter { !known.contains($0.path.hash) }[...]
        while !rest.isEmpty {
            let question = Array(rest.prefix(target.limits.questionPaths))
            rest = rest.dropFirst(question.count)
            let answer = try await retry.run { try await target.findNeeds(of: question) }
            needs.merge(answer) { $1 }
        }
        return PushPlan(
            closure: closure,
            needs: needs,
            filter: filter,
            directory: store.directory
        )
    }

    /// Sends what the plan says.
    ///
    /// Never throws: what failed is in the report, also when the task was cancelled.
    package func push(_ plan: PushPlan) async -> PushReport {
        let packer = Packer(
            store,
            level: configuration.level,
            memoryBytes: configuration.memoryBytes,
            hashesFiles: target.limits.wantsFileHashes
        )
        defer { packer.shutDown() }
        let work = PushWork(target: target, packer: packer, retry: makeRetry(), onEvent: onEvent)
        return await withTaskGroup(of: PushWork.Step.self) { group in
            var run = PushRun(plan.itemsToSend, jobs: configuration.jobs, work: work)
            run.start(in: &group)
            for await step in group {
                await run.take(step)
                if run.order.isStopped { group.cancelAll() }
                run.start(in: &group)
            }
            return run.report()
        }
    }

    private func makeRetry() -> Retry {
        Retry(configuration.retry) { [onEvent] in onEvent(.pausing(reason: $0, $1)) }
    }
}
