// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import NixFormat

/// Takes one host back to a generation of its profile, whoever made that.
package struct HostRollback: Sendable {
    private let context: FleetContext
    private let host: Host
    /// `nil` for the newest before the current one that is another system than what runs.
    private let generation: Int?

    package init(_ context: FleetContext, _ host: Host, to generation: Int?) {
        self.context = context
        self.host = host
        self.generation = generation
    }

    /// Whatever happens to the host is an ending.
    ///
    /// - Throws: ``FleetFolder/Failure`` where what is done cannot be written down; nothing is done then.
    package func run() async throws -> HostReport {
        let token = DeployToken()
        let log = context.folder.newLog(of: host.name, token)
        let record = HostRecord(host.name, logPath: log, observer: context.observer)
        let entry = RunNote.Entry(
            host: "\(host.name)",
            id: token.description,
            strategy: Receipt.Strategy.target.rawValue,
            log: record.logPath
        )
        let open = try context.folder.begin(
            RunNote(
                by: context.who,
                startedAt: Timestamp(record.started),
                action: "rollback",
                entries: [entry]
            )
        )
        defer { open.end() }
        let work = HostWork()
        let ending: HostEnding
        do {
            ending = try await goBack(token, record, work)
        } catch {
            record.log(error)
            ending = HostEnding(error, in: record.phase)
            await RunningSystem(context: context, host: host).look(after: error, work)
        }
        var report = record.report(ending)
        report.wanted = work.known.wanted
        report.running = work.known.running.map(StoreDirectory.standard.path(of:))
        await ReceiptKeeper(
            context: context,
            host: host,
            token: token,
            record: record,
            strategy: .target,
            action: "rollback"
        ).keep(&report, work)
        context.observer(host.name, .ended(report))
        return report
    }

    private func goBack(
        _ token: DeployToken,
        _ record: HostRecord,
        _ work: HostWork
    ) async throws -> HostEnding {
        let facts = try await HostContact(context: context).facts(of: host, record)
        work.see(facts)
        let goal = try choose(from: facts, record)
        work.update {
            $0.old = facts.running
            $0.wanted = WantedSystem(path: goal.path)
            $0.isTouched = true
        }
        record.begin(.preflight)
        let session = context.session(of: host)
        let outcome = try await session.withLease(
            token,
            for: context.who,
            system: goal.path
        ) { grant in
            for outcome in grant.settled {
                record.note("settled an earlier deploy: \(HostEnding(outcome).told)")
            }
            var order = SwitchOrder(token: token, system: goal.path)
            order.generation = goal.number
            order.expectedRunning = grant.settled.isEmpty ? facts.running : nil
            order.health = host.health
            order.takes = host.system
            order.activationTimeout = context.roster.settings.activationTimeout
            order.confirmTimeout = context.roster.settings.confirmTimeout
            return try await SwitchRun(session: session, record: record).run(order)
        }
        work.update {
            $0.outcome = outcome
            $0.running = outcome.running
        }
        // Who goes back by hand does not want what was queued before.
        if [.done, .staged].contains(outcome.ending) { context.folder.unqueue(host.name) }
        return HostEnding(outcome)
    }

    private func choose(
        from facts: TargetFacts,
        _ record: HostRecord
    ) throws -> TargetFacts.Generation {
        let known = facts.generations.sorted { $0.number < $1.number }
        let numbers = known.map { "\($0.number)" }.joined(separator: ", ")
        let now = Self.running(facts, known)
        let goal: TargetFacts.Generation?
        if let generation {
            goal = known.first { $0.number == generation }
            guard goal != nil else {
                throw HostFailure.refused(
                    "it has no generation \(generation); it has \(numbers.isEmpty ? "none" : numbers)"
                )
            }
        } else {
            goal = known.last { $0.number < now ?? .max && $0.path != facts.running }
        }
        guard let goal else {
            throw HostFailure.refused("it has no earlier generation to go back to")
        }
        let from = now.map { " from generation \($0)" } ?? ""
        record.tell("going back\(from) to generation \(goal.number), \(goal.path.name)")
        if let staged = facts.generation, let now, staged != now, staged != goal.number {
            record.tell("generation \(staged), which was to boot next, is not any more")
        }
        return goal
    }

    /// The generation that runs, which is not the current one of the profile where another is staged.
    private static func running(
        _ facts: TargetFacts,
        _ known: [TargetFacts.Generation]
    ) -> Int? {
        guard facts.profile != facts.running else { return facts.generation }
        let current = facts.generation ?? .max
        let same = known.filter { $0.path == facts.running }
        return (same.last { $0.number <= current } ?? same.last)?.number ?? facts.generation
    }
}
