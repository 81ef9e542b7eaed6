// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// The deploy of one host, from evaluation to its outcome.
struct HostDeploy: Sendable {
    let context: FleetContext
    let host: Host
    let options: DeployOptions
    let token: DeployToken
    let record: HostRecord
    /// Held while the host is pulled to and switched.
    let slots: Slots
    let gate: CanaryGate?
    /// What was queued for it; `nil` evaluates its configuration.
    var intent: QueuedIntent?

    /// Never throws: whatever happens is an ending.
    func run() async -> HostReport {
        let work = HostWork()
        let ending: HostEnding
        do {
            ending = try await deploy(work)
        } catch {
            record.log(error)
            ending = HostEnding(error, in: record.phase)
            await RunningSystem(context: context, host: host).look(after: error, work)
        }
        var report = record.report(ending)
        report.wanted = work.known.wanted
        report.running = work.known.running.map(StoreDirectory.standard.path(of:))
        report.pull = work.known.pull
        report.built = work.known.built
        await ReceiptKeeper(
            context: context,
            host: host,
            token: token,
            record: record,
            strategy: work.known.via.map { strategy(via: $0) } ?? strategy,
            action: mode == .dryActivate ? "dry-run" : mode.rawValue
        ).keep(&report, work)
        if mode != .dryActivate {
            do {
                let isDone = ending.isGood || ending == .queued
                if isDone { try context.folder.note(good: [host.name], bad: []) }
            } catch {
                report.tell("--retry will take it again: \(error)")
            }
        }
        context.observer(host.name, .ended(report))
        return report
    }

    /// What was asked for.
    var strategy: Receipt.Strategy { strategy(via: via) }

    private func strategy(via: DeployVia) -> Receipt.Strategy {
        options.isEmergency ? .emergency : Receipt.Strategy(rawValue: via.rawValue)
    }

    private var via: DeployVia {
        if options.isEmergency { return .target }
        return intent?.deployVia ?? context.roster.via(host, asked: options.via)
    }

    var mode: SwitchMode { intent?.switchMode ?? options.mode }

    private func deploy(_ work: HostWork) async throws -> HostEnding {
        let wanted = try await evaluate()
        work.update { $0.wanted = wanted }
        let seen: TargetFacts
        do {
            seen = try await HostContact(context: context).facts(of: host, record)
        } catch RemoteFailure.unreachable(let said) {
            return try await beAway(wanted, said)
        }
        work.see(seen)
        let facts = try await outwait(seen)
        work.see(facts)
        work.update { $0.old = facts.running }
        if isUnchanged(wanted, facts) {
            forgetQueued()
            return .unchanged
        }
        if let reason = try await whyStaged(wanted, facts) {
            forgetQueued()
            return .staged(reason)
        }
        try await requireForward(wanted, facts)
        let tiers = try pullTiers()
        let supply = try await supply(wanted, facts, tiers)
        work.update { $0.via = supply.via }
        if let built = supply.built {
            keep(built, in: work)
            if let system = built.system { try requireTaken(system, facts) }
        }
        if let reason = await gate?.wait() { return .notBegun(reason) }
        try Task.checkCancellation()
        return try await slots.use {
            try await bring(wanted, facts, supply, work)
        }
    }

    /// What was queued is older than what is there now by hand; a preview and a test leave nothing.
    private func forgetQueued() {
        if let intent {
            context.folder.unqueue(host.name, intent)
        } else if [.switch, .boot].contains(mode) {
            context.folder.unqueue(host.name)
        }
    }

    /// What the build came to, and what it cost the host where the host itself built.
    private func keep(_ outcome: Builder.Outcome, in work: HostWork) {
        let built = Receipt.Built(
            on: outcome.place,
            count: outcome.builtCount,
            names: outcome.builtNames
        )
        work.update { known in
            known.built = built
            guard outcome.place == "\(host.name)" else { return }
            known.buildUse = outcome.use
            known.pull = PullReport(fetched: outcome.fetched, by: context.roster.tiers)
        }
    }

    private func evaluate() async throws -> WantedSystem {
        if let wanted = intent?.wanted { return wanted }
        record.begin(.evaluate)
        return try await context.evaluator.evaluate(host.source) { line in record.log(line.text) }
    }

    /// A deploy that was left without an outcome is not passed over.
    private func isUnchanged(_ wanted: WantedSystem, _ facts: TargetFacts) -> Bool {
        guard facts.unsettled.isEmpty else { return false }
        let runs = facts.running == wanted.path
        let boots = facts.profile == wanted.path
        return switch mode {
        case .switch, .dryActivate: runs && boots
        case .boot: boots
        case .test: runs
        }
    }

    /// A deploy whose deployer is gone is undone by the host itself; that is waited for, within bounds.
    private func outwait(_ facts: TargetFacts) async throws -> TargetFacts {
        guard let lease = facts.lease, lease.isHeld, lease.processIdentifier != nil else {
            return facts
        }
        let isLeft = context.folder.hasEnded(lease.token, of: host.name)
        guard isLeft || lease.isGoingBack else { return facts }
        record.note("the host is going back by itself from an earlier deploy; waiting for that")
        let settings = context.roster.settings
        let bound = settings.confirmTimeout + .seconds(120)
        let session = context.session(of: host)
        _ = await session.watch(lease.token, for: bound) { record.log($0.kind.text) }
        try Task.checkCancellation()
        let now = try await HostContact(context: context).facts(of: host, record)
        if let still = now.lease, still.isHeld, still.token == lease.token {
            throw TargetError.goingBack(still)
        }
        return now
    }

    /// Why a system that the host boots already cannot be switched to this time either.
    ///
    /// Only a restart brings it into effect, and there was none since; `nil` where it is to be tried.
    private func whyStaged(_ wanted: WantedSystem, _ facts: TargetFacts) async throws -> String? {
        guard mode == .switch, !options.isForced, !options.isEmergency,
            facts.profile == wanted.path, facts.running != wanted.path
        else { return nil }
        let known = facts.isRoot ? facts : try await context.session(of: host).facts(asRoot: true)
        guard known.unsettled.isEmpty, let last = known.lastOutcome, last.ending == .staged,
            last.new == wanted.path, last.running == known.running,
            [.needsRestart, .inhibited].contains(last.reason)
        else { return nil }
        return last.reason.text
    }

    /// What counts is what a system is for, not where it is built.
    private func requireTaken(_ system: String, _ facts: TargetFacts) throws {
        let isTaken = host.system.map { $0 == system } ?? facts.takes(system)
        guard !isTaken, let theirs = host.system ?? facts.system else { return }
        throw HostFailure.refused(
            "the configuration is for \(system), and the host is \(theirs); correct one of them"
        )
    }

    private func requireForward(_ wanted: WantedSystem, _ facts: TargetFacts) async throws {
        if let ours = wanted.system { try requireTaken(ours, facts) }
        guard !options.isForced, facts.running != wanted.path else { return }
        let running = facts.lineage.map { Lineage(parsing: $0) }
        let order = await LineageReader().order(
            running: running,
            wanted: wanted.lineage,
            of: host.source
        )
        if let refusal = order.refusal { throw HostFailure.refused(refusal) }
    }

    /// Who the host fetches from; for a builder its Firn first, then everybody.
    private func pullTiers() throws -> [PullTier] {
        let all = context.roster.tiers
        guard via == .builder else { return all }
        guard let builder = host.builder.flatMap(context.roster.host) else {
            throw HostFailure.noBuilder
        }
        guard let first = context.roster.cache(of: builder) else {
            throw HostFailure.refused(
                "no [[tier]] is the Firn of \(builder.name); write one with its name, or name it"
                    + " as the cache of [hosts.\(builder.name)]"
            )
        }
        return [first] + all.filter { $0 != first }
    }

    /// Has it built; where the builder is away, the host builds for itself if it may, and else takes it
    /// from the other tiers if one of them has it.
    private func supply(
        _ wanted: WantedSystem,
        _ facts: TargetFacts,
        _ tiers: [PullTier]
    ) async throws -> Supply {
        let build = HostBuild(context: context, host: host, record: record)
        do {
            let built = try await build.run(wanted, via: via, facts: facts)
            return Supply(via: via, tiers: tiers, built: built)
        } catch let absence as BuilderUnreachable {
            if options.allowsTargetBuild {
                record.note("\(absence.summary); the host builds for itself")
                let built = try await build.run(wanted, via: .target, facts: facts)
                return Supply(via: .target, tiers: tiers, built: built)
            }
            guard absence.isAway, tiers.count > 1 else { throw absence }
            record.note("\(absence.summary); another tier may have it")
            return Supply(via: via, tiers: tiers, absence: absence)
        }
    }

    private func beAway(_ wanted: WantedSystem, _ said: String) async throws -> HostEnding {
        if intent != nil { return .queued }
        switch options.offline {
        case .fail: return .unreachable(said)
        case .skip: return .skipped(said)
        case .queue:
            try await buildAhead(wanted)
            let intent = QueuedIntent(host.name, wanted, token, mode: mode, via: via)
            do {
                try context.folder.queue(intent)
            } catch {
                throw HostFailure.notQueued("\(error)")
            }
            return .queued
        }
    }

    /// What is queued is built by the time it is wanted, and kept by a root, unless nobody is there.
    private func buildAhead(_ wanted: WantedSystem) async throws {
        guard via == .builder else { return }
        do {
            let build = HostBuild(context: context, host: host, record: record)
            _ = try await build.run(wanted, via: .builder, facts: nil)
        } catch let absence as BuilderUnreachable where absence.isAway {
            record.note("\(absence.summary); it is built when it is delivered")
        }
    }
}

/// What is known so far, kept when an error comes in between.
final class HostWork: Sendable {
    struct Known: Sendable {
        var wanted: WantedSystem?
        var running: StorePath?
        var old: StorePath?
        var pull: PullReport?
        var built: Receipt.Built?
        /// Who built in the end.
        var via: DeployVia?
        /// What the build cost the host, where it was there.
        var buildUse: ResourceUse?
        /// What passed through here in other connections than the host's own shell.
        var sentBytes: UInt64 = 0
        var outcome: SwitchOutcome?
        var meters: TargetMeter.Reading?
        /// Whether anything was asked of the host as root.
        var isTouched = false
        /// Whether the host has said what it runs.
        var isReached = false
    }

    private let state = Mutex(Known())

    var known: Known { state.withLock { $0 } }

    func update(_ body: (inout Known) -> Void) { state.withLock { body(&$0) } }

    func see(_ facts: TargetFacts) {
        update {
            $0.running = facts.running
            $0.isReached = true
        }
    }
}
