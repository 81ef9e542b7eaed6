// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Builds what hosts are to run, and asks nothing of the hosts themselves unless they build.
package struct BuildRun: Sendable {
    private let context: FleetContext
    private let via: DeployVia?

    package init(_ context: FleetContext, via: DeployVia?) {
        self.context = context
        self.via = via
    }

    /// One report for each host, in the order in which they were given.
    package func run(_ hosts: [Host]) async -> [HostReport] {
        let reports = await withTaskGroup(of: HostReport.self) { group in
            for host in hosts { group.addTask { await build(host) } }
            return await group.reduce(into: [HostName: HostReport]()) { $0[$1.host] = $1 }
        }
        return hosts.compactMap { reports[$0.name] }
    }

    private func build(_ host: Host) async -> HostReport {
        let log = context.folder.newLog(of: host.name, DeployToken())
        let record = HostRecord(host.name, logPath: log, observer: context.observer)
        var wanted: WantedSystem?
        var built: Receipt.Built?
        let ending: HostEnding
        do {
            record.begin(.evaluate)
            let system = try await context.evaluator.evaluate(host.source) { record.log($0.text) }
            wanted = system
            let outcome = try await HostBuild(context: context, host: host, record: record).run(
                system,
                via: context.roster.via(host, asked: via),
                facts: nil
            )
            built = Receipt.Built(
                on: outcome.place,
                count: outcome.builtCount,
                names: outcome.builtNames
            )
            ending = .built
        } catch {
            record.log(error)
            ending = HostEnding(error, in: record.phase)
        }
        var report = record.report(ending)
        report.wanted = wanted
        report.built = built
        context.observer(host.name, .ended(report))
        return report
    }
}
