// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

/// One push, from the side of whoever decides what is next.
///
/// There are no timers: what becomes ready while as many requests are under way as there should be
/// gathers, and goes with the next one. What is staged is known by name only; its bytes are gone.
struct PushRun {
    typealias Step = PushWork.Step

    let items: [PushPlan.Item]
    let jobs: Int
    let work: PushWork
    var order: PushOrder
    var outcomes: [PushOutcome?]
    var stop: PushReport.Stop?
    /// For what was not taken the first time.
    var patience: [Int: CommitPatience] = [:]
    /// What is to be committed again after a while.
    var pauses: [(place: Int, Duration)] = []
    var staged: [Int: StagedPath] = [:]
    /// Paths whose NARs are sent whatever the plan hoped for.
    private var withoutProof: Set<Int> = []
    private var bundle = Gathering<PushWork.Packed>()
    private var proofs = Gathering<PushWork.Proven>()
    private var preparing = 0
    private var bundles = 0
    private var proving = 0
    private var commits = 0
    private var limits: PushLimits { work.target.limits }

    /// Digests that are shown in one request.
    private static let proofsInOne = 1_000

    /// `items`: dependencies first, none of them skipped.
    init(_ items: [PushPlan.Item], jobs: Int, work: PushWork) {
        self.items = items
        self.jobs = jobs
        self.work = work
        order = PushOrder(items.map(\.info))
        outcomes = Array(repeating: nil, count: items.count)
    }

    /// Starts whatever can go on.
    mutating func start(in group: inout TaskGroup<Step>) {
        startPauses(in: &group)
        startCommits(in: &group)
        startProofs(in: &group)
        startBundles(in: &group)
        while preparing < jobs, let place = order.nextToSend() {
            preparing += 1
            let info = items[place].info
            work.onEvent(.began(info.path, narBytes: info.narSizeBytes))
            if case .prove(let nonce) = items[place].decision, !withoutProof.contains(place) {
                group.addTask { [work] in await work.digest(place, info, nonce) }
            } else if limits.bundle != nil, Packer.isSmall(info) {
                group.addTask { [work] in await work.pack(place, info) }
            } else {
                group.addTask { [work] in await work.uploading(place, info) }
            }
        }
    }

    private mutating func startCommits(in group: inout TaskGroup<Step>) {
        while commits < limits.commitsAtATime ?? jobs {
            let places = order.nextToCommit(atMost: limits.commitPaths)
            guard !places.isEmpty else { return }
            commits += 1
            let paths = places.compactMap { staged[$0] }
            group.addTask { [work] in await work.commit(places, paths) }
        }
    }

    private mutating func startProofs(in group: inout TaskGroup<Step>) {
        guard proving == 0, !proofs.isEmpty, !order.isStopped else { return }
        let next = proofs.take(atMost: Self.proofsInOne, bytes: .max)
        proving += 1
        group.addTask { [work] in await work.prove(next) }
    }

    private mutating func startBundles(in group: inout TaskGroup<Step>) {
        guard let limit = limits.bundle, !order.isStopped else { return }
        while bundles < limit.requestsAtATime, !bundle.isEmpty {
            let next = bundle.take(atMost: limit.paths, bytes: limit.fileBytes)
            bundles += 1
            group.addTask { [work] in await work.send(next) }
        }
    }

    /// Takes what was done.
    mutating func take(_ step: Step) async {
        switch step {
        case .packed(let place, let result):
            preparing -= 1
            await taking(result, [place]) { run, packed in
                guard run.order.isSending(place) else {
                    return run.work.packer.budget.giveBack(packed.heldBytes)
                }
                run.bundle.add(packed, bytes: packed.small.bytes.count)
            }
        case .digested(let place, let result):
            preparing -= 1
            await taking(result, [place]) { run, proven in
                if run.order.isSending(place) { run.proofs.add(proven, bytes: 0) }
            }
        case .uploaded(let place, let result):
            preparing -= 1
            await taking(result, [place]) { run, staged in await run.stage(place, staged) }
        case .bundled(let bundle, let result):
            bundles -= 1
            await taking(result, bundle.map(\.place)) { run, refusals in
                for (packed, refusal) in zip(bundle, refusals) {
                    if let refusal {
                        await run.fail(packed.place, PushTargetError.rejected(reason: refusal))
                    } else {
                        await run.stage(packed.place, StagedPath(packed.small.packed, by: .bundle))
                    }
                }
            }
        case .believed(let proofs, let result):
            proving -= 1
            await takeProofs(proofs, result)
        case .committed(let places, let result):
            commits -= 1
            await taking(result, places) { run, answers in
                let answered = Array(zip(places, answers))
                // What is there first: others may wait for it.
                for (place, answer) in answered where answer == .there { run.finish(place) }
                for (place, answer) in answered where answer != .there {
                    await run.takeCommit(place, answer)
                }
            }
        case .pauseEnded(let place): order.pauseEnded(place)
        }
    }

    /// Whoever is not believed sends the NAR.
    private mutating func takeProofs(
        _ proofs: [PushWork.Proven],
        _ result: Result<[String?], any Error>
    ) async {
        await taking(result, proofs.map(\.place)) { run, refusals in
            for (proof, refusal) in zip(proofs, refusals) {
                if refusal == nil {
                    let packed = PackedPath(
                        info: proof.proof.info,
                        fileHash: nil,
                        fileSizeBytes: 0
                    )
                    await run.stage(proof.place, StagedPath(packed, by: .proof))
                } else {
                    run.sendInstead(proof.place)
                }
            }
        }
    }

    mutating func sendInstead(_ place: Int) {
        withoutProof.insert(place)
        order.sendAgain(place)
    }

    private mutating func taking<Value>(
        _ result: Result<Value, any Error>,
        _ places: [Int],
        _ body: (inout PushRun, Value) async -> Void
    ) async {
        switch result {
        case .success(let value): await body(&self, value)
        case .failure(let error): for place in places { await fail(place, error) }
        }
    }

    private mutating func stage(_ place: Int, _ path: StagedPath) async {
        guard order.staged(place) else { return await work.upload.release(path) }
        staged[place] = path
    }

    mutating func finish(_ place: Int) {
        order.committed(place)
        patience[place] = nil
        let path = staged.removeValue(forKey: place)
        if path?.way == .proof {
            end(place, .proved)
        } else {
            end(place, .sent(fileBytes: path?.packed.fileSizeBytes ?? 0))
        }
    }
}
