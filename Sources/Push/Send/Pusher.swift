// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// Sends paths of a store to a cache.
///
/// Bytes travel in any order, many paths and many parts at once; a path is completed only after all
/// that it refers to, so that no reader of the cache ever sees a hole. What was completed stays: a
/// push that is killed and made again sends the rest.
package struct Pusher: Sendable {
    package struct Configuration: Sendable {
        /// Paths that are being sent at a time, and again as many that are being completed.
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
        var missing: Set<StorePathHash> = []
        var rest = closure.map(\.path.hash).filter { !known.contains($0) }[...]
        while !rest.isEmpty {
            let question = Array(rest.prefix(target.largestQuestion))
            rest = rest.dropFirst(question.count)
            missing.formUnion(try await retry.run { try await target.findMissing(question) })
        }
        return PushPlan(
            closure: closure,
            missing: missing,
            filter: filter,
            directory: store.directory
        )
    }

    /// Sends what the plan says.
    ///
    /// Never throws: what failed is in the report, also when the task was cancelled.
    package func push(_ plan: PushPlan) async -> PushReport {
        await push(plan.toSend)
    }

    private func push(_ paths: [PathInfo]) async -> PushReport {
        let packer = Packer(
            store,
            level: configuration.level,
            memoryBytes: configuration.memoryBytes
        )
        defer { packer.shutDown() }
        let upload = PathUpload(
            target: target,
            packer: packer,
            retry: makeRetry(),
            onEvent: onEvent
        )
        return await withTaskGroup(of: Step.self) { group in
            var run = Run(paths: paths, jobs: configuration.jobs, onEvent: onEvent)
            run.start(upload, in: &group)
            for await step in group {
                await run.take(step, upload)
                if run.order.isStopped { group.cancelAll() }
                run.start(upload, in: &group)
            }
            return run.report()
        }
    }

    private func makeRetry() -> Retry {
        Retry(configuration.retry) { [onEvent] in onEvent(.pausing(reason: $0, $1)) }
    }
}

extension Pusher {
    fileprivate enum Step: Sendable {
        case sent(Int, PathUpload.Sent)
        case completed(Int, fileBytes: UInt64)
        case failed(Int, any Error, wasSending: Bool)
    }

    /// One push, from the side of whoever decides what is next.
    fileprivate struct Run {
        let paths: [PathInfo]
        let jobs: Int
        let onEvent: @Sendable (PushEvent) -> Void
        var order: PushOrder
        var sending = 0
        var completing = 0
        var uploads: [Int: PathUpload.Sent] = [:]
        var outcomes: [PushOutcome?]
        var stop: PushReport.Stop?

        init(paths: [PathInfo], jobs: Int, onEvent: @escaping @Sendable (PushEvent) -> Void) {
            self.paths = paths
            self.jobs = jobs
            self.onEvent = onEvent
            order = PushOrder(paths)
            outcomes = Array(repeating: nil, count: paths.count)
        }

        mutating func start(_ upload: PathUpload, in group: inout TaskGroup<Step>) {
            while completing < jobs, let place = order.nextToComplete() {
                guard let sent = uploads.removeValue(forKey: place) else { continue }
                completing += 1
                group.addTask {
                    do {
                        try await upload.complete(sent)
                        return .completed(place, fileBytes: sent.packed.fileSizeBytes)
                    } catch {
                        return .failed(place, error, wasSending: false)
                    }
                }
            }
            while sending < jobs, let place = order.nextToSend() {
                sending += 1
                let info = paths[place]
                onEvent(.began(info.path, narBytes: info.narSizeBytes))
                group.addTask {
                    do {
                        return .sent(place, try await upload.send(info))
                    } catch {
                        return .failed(place, error, wasSending: true)
                    }
                }
            }
        }

        mutating func take(_ step: Step, _ upload: PathUpload) async {
            switch step {
            case .sent(let place, let sent):
                sending -= 1
                if order.sent(place) {
                    uploads[place] = sent
                } else {
                    await upload.target.abort(sent.upload)
                }
            case .completed(let place, let fileBytes):
                completing -= 1
                order.completed(place)
                end(place, .sent(fileBytes: fileBytes))
            case .failed(let place, let error, let wasSending):
                if wasSending { sending -= 1 } else { completing -= 1 }
                await fail(place, error, upload)
            }
        }

        private mutating func fail(
            _ place: Int,
            _ error: any Error,
            _ upload: PathUpload
        ) async {
            end(place, stopping(error) ? .notSent : PushOutcome(of: error))
            for other in order.failed(place) {
                end(other, stop == nil ? .refersTo(paths[place].path) : .notSent)
                if let sent = uploads.removeValue(forKey: other) {
                    await upload.target.abort(sent.upload)
                }
            }
        }

        /// Whether the error ends the whole push.
        private mutating func stopping(_ error: any Error) -> Bool {
            switch error {
            case PushTargetError.refused(let reason): stop = stop ?? .refused(reason: reason)
            case PushTargetError.unreachable(let reason):
                stop = stop ?? .unreachable(reason: reason)
            case is CancellationError: break
            default: return false
            }
            order.stop()
            return true
        }

        private mutating func end(_ place: Int, _ outcome: PushOutcome) {
            guard outcomes[place] == nil else { return }
            outcomes[place] = outcome
            onEvent(.ended(paths[place].path, outcome))
        }

        func report() -> PushReport {
            let results = zip(paths, outcomes).map {
                PushReport.Result(info: $0, outcome: $1 ?? .notSent)
            }
            return PushReport(results: results, stop: stop)
        }
    }
}
