// SPDX-License-Identifier: Apache-2.0
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

    /// Never throws: whatever happens is an ending.
    package func run() async -> HostReport {
        let token = DeployToken()
        let log = context.folder.newLog(of: host.name, token)
        let record = HostRecord(host.name, logPath: log, observer: context.observer)
        let work = HostWork()
        let ending: HostEnding
        do {
            ending = try await goBack(token, record, work)
        } catch {
            record.log("\(error)")
            ending = HostEnding(error, in: record.phase)
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
        let goal = try choose(from: facts)
        work.update {
            $0.old = facts.running
            $0.running = facts.running
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
                record.note("settled an earlier deploy: \(HostEnding(outcome).word)")
            }
            var order = SwitchOrder(token: token, system: goal.path)
            order.generation = goal.number
            order.expectedRunning = grant.settled.isEmpty ? facts.running : nil
            order.health = host.health
            order.activationTimeout = context.roster.settings.activationTimeout
            order.confirmTimeout = context.roster.settings.confirmTimeout
            return try await SwitchRun(session: session, record: record).run(order)
        }
        work.update {
            $0.outcome = outcome
            $0.running = outcome.running
        }
        return HostEnding(outcome)
    }

    private func choose(from facts: TargetFacts) throws -> TargetFacts.Generation {
        let known = facts.generations.sorted { $0.number < $1.number }
        let numbers = known.map { "\($0.number)" }.joined(separator: ", ")
        if let generation {
            guard let goal = known.first(where: { $0.number == generation }) else {
                throw HostFailure.refused(
                    "it has no generation \(generation); it has \(numbers.isEmpty ? "none" : numbers)"
                )
            }
            return goal
        }
        let current = facts.generation ?? .max
        guard
            let goal = known.last(where: { $0.number < current && $0.path != facts.running })
        else {
            throw HostFailure.refused("it has no earlier generation to go back to")
        }
        return goal
    }
}
