// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Where what a host lacks comes from.
struct Supply: Sendable {
    var via: DeployVia
    var tiers: [PullTier]
    /// `nil` where nobody has built it, and a tier may have it all the same.
    var built: Builder.Outcome?
    /// Why nobody has built it.
    var absence: BuilderUnreachable?
}

extension HostDeploy {
    /// From the lease on, to the outcome.
    func bring(
        _ wanted: WantedSystem,
        _ facts: TargetFacts,
        _ supply: Supply,
        _ work: HostWork
    ) async throws -> HostEnding {
        let session = context.session(of: host)
        record.begin(.preflight)
        work.update { $0.isTouched = true }
        let isGivenBack: @Sendable (SwitchOutcome) -> Bool = { outcome in
            [.done, .rolledBack].contains(outcome.ending)
        }
        let onEvent: @Sendable (SwitchEvent) -> Void = { event in tell(event) }
        let outcome = try await session.withLease(
            token,
            for: context.who,
            system: wanted.path,
            question: question(wanted, supply),
            isInstalled: !facts.lacksProgramme,
            isGivenBack: isGivenBack,
            onEvent: onEvent
        ) { grant in
            tellLease(grant)
            try requireFit(grant.findings)
            if facts.hasMeters {
                let meter = TargetMeter(on: session.shell, folder: session.places.state)
                let meters = try? await meter.read(deadline: .seconds(30))
                work.update { $0.meters = meters }
            }
            try await fetch(wanted, supply, facts, work)
            let now = grant.settled.isEmpty ? facts.running : nil
            return try await switchOver(wanted, from: now, session)
        }
        work.update { $0.outcome = outcome }
        work.update { $0.running = outcome.running }
        if let intent { context.folder.unqueue(host.name, intent) }
        if [.done, .staged].contains(outcome.ending) {
            // What was queued before is older than what is there now.
            context.folder.unqueue(host.name)
        }
        guard case .previewed = outcome.ending else { return HostEnding(outcome) }
        return .previewed(preview(wanted, work))
    }

    /// What a switch would be, and what had to be fetched to say so.
    private func preview(_ wanted: WantedSystem, _ work: HostWork) -> String {
        func short(_ path: StorePath) -> String { "\(path.name) (\("\(path.hash)".prefix(5)))" }
        let known = work.known
        let told = "\(known.running.map(short) ?? "nothing known") -> \(short(wanted.path))"
        if let pull = known.pull, pull.paths > 0 {
            let size = pull.narBytes > 0 ? ", \(Self.size(pull.narBytes)) unpacked" : ""
            return "\(told); fetched \(pull.paths) paths\(size)"
        }
        if known.sentBytes > 0 { return "\(told); was sent \(Self.size(known.sentBytes))" }
        return "\(told); nothing had to be fetched"
    }

    private static func size(_ bytes: UInt64) -> String {
        bytes < 10 << 20 ? "\((bytes + 1_023) >> 10) KiB" : "\(bytes >> 20) MiB"
    }

    private func question(_ wanted: WantedSystem, _ supply: Supply) -> PreflightQuestion {
        var question = PreflightQuestion()
        question.closureBytes = supply.built?.missingBytes
        question.system = wanted.system
        question.takes = host.system
        question.mode = mode
        question.checks = options.isEmergency ? [] : host.health.checks
        return question
    }

    private func requireFit(_ findings: [PreflightFinding]) throws {
        guard let first = findings.first else { return }
        for finding in findings.dropFirst() { record.note("\(finding.detail): \(finding.remedy)") }
        throw HostFailure.refused("\(first.detail); \(first.remedy)")
    }

    private func fetch(
        _ wanted: WantedSystem,
        _ supply: Supply,
        _ facts: TargetFacts,
        _ work: HostWork
    ) async throws {
        switch supply.via {
        case .target: return
        case .builder:
            record.begin(.pull)
            var request = PullRequest(
                wanted.path,
                from: supply.tiers,
                deadline: .seconds(86_400),
                rootName: "firn-\(host.name)"
            )
            request.agentAddress = host.agent ?? facts.agentAddress
            do {
                let report = try await Pull(on: context.connections.shell(to: host))
                    .run(request) { progress in record.news(.pulling(progress)) }
                tellMisses(report)
                work.update { $0.pull = report }
            } catch let failure as PullFailure {
                tellMisses(failure.report)
                work.update { $0.pull = failure.report }
                if let absence = supply.absence {
                    record.note("\(failure)")
                    throw absence
                }
                throw HostFailure.failed("\(failure)")
            }
        case .here:
            record.begin(.pull)
            let shell = context.connections.shell(to: host)
            let sent = try await Sending(to: shell).send(wanted.path) { line in record.take(line) }
            work.update { $0.sentBytes = sent }
        }
    }

    private func switchOver(
        _ wanted: WantedSystem,
        from running: StorePath?,
        _ session: TargetSession
    ) async throws -> SwitchOutcome {
        var order = SwitchOrder(token: token, system: wanted.path)
        order.mode = mode
        order.expectedRunning = running
        order.health = options.isEmergency ? HealthPolicy() : host.health
        order.activationTimeout = context.roster.settings.activationTimeout
        order.confirmTimeout = context.roster.settings.confirmTimeout
        order.lineage = wanted.lineage?.description
        order.takes = host.system
        order.isEmergency = options.isEmergency
        return try await SwitchRun(session: session, record: record).run(order)
    }

    private func tellLease(_ grant: LeaseGrant) {
        if let former = grant.takenOverFrom {
            record.note("took over the lease of \(former.who), whose deploy is dead")
        }
        for outcome in grant.settled {
            record.note("settled an earlier deploy: \(HostEnding(outcome).told)")
        }
    }

    private func tell(_ event: SwitchEvent) {
        record.log(event.kind.text)
    }

    private func tellMisses(_ report: PullReport?) {
        guard let report else { return }
        for miss in report.misses {
            record.log("\(miss.path) from \(miss.from ?? "nowhere"): \(miss.explanation)")
        }
        for tier in report.tiers {
            if let trouble = tier.trouble { record.note("tier \(tier.name): \(trouble)") }
        }
    }
}

extension PullFailure {
    /// What was seen before it failed.
    var report: PullReport? {
        switch self {
        case .noTierAnswered(let report), .incomplete(let report, _): report
        case .noTiers, .hostTrouble, .garbled: nil
        }
    }
}
