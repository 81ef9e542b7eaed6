// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Deploys to many hosts: each goes its own way, and none stops another but a canary that fails.
package struct DeployRun: Sendable {
    private let context: FleetContext
    private let options: DeployOptions

    package init(_ context: FleetContext, _ options: DeployOptions) {
        self.context = context
        self.options = options
    }

    /// One report for each host, in the order in which they were given.
    ///
    /// The configurations of hosts with an intent, which was queued for them, are not evaluated.
    package func run(_ hosts: [Host], intents: [HostName: QueuedIntent] = [:]) async -> [HostReport]
    {
        let slots = Slots(options.parallel)
        let canary = options.canary.flatMap { name in hosts.first { $0.name == name } }
        let gate = hosts.count > 1 && canary != nil ? CanaryGate() : nil
        let reports = await withTaskGroup(of: HostReport.self) { group in
            for host in hosts {
                let isCanary = host.name == canary?.name
                let deploy = deploy(host, slots, isCanary ? nil : gate, intents[host.name])
                group.addTask {
                    let report = await deploy.run()
                    if isCanary { await gate?.open(unless: Self.verdict(report)) }
                    return report
                }
            }
            return await group.reduce(into: [HostName: HostReport]()) { $0[$1.host] = $1 }
        }
        note(reports)
        return hosts.compactMap { reports[$0.name] }
    }

    private func deploy(
        _ host: Host,
        _ slots: Slots,
        _ gate: CanaryGate?,
        _ intent: QueuedIntent?
    ) -> HostDeploy {
        let token = DeployToken()
        let log = context.folder.newLog(of: host.name, token)
        let record = HostRecord(host.name, logPath: log, observer: context.observer)
        return HostDeploy(
            context: context,
            host: host,
            options: options,
            token: token,
            record: record,
            slots: slots,
            gate: gate,
            intent: intent
        )
    }

    private static func verdict(_ canary: HostReport) -> String? {
        guard !canary.ending.isGood else { return nil }
        return "the canary \(canary.host) is \(canary.ending.word)"
    }

    private func note(_ reports: [HostName: HostReport]) {
        let bad = reports.values.filter { !$0.ending.isGood && $0.ending != .queued }.map(\.host)
        let good = reports.keys.filter { !bad.contains($0) }
        // Without the note --retry has less to do, and no more is lost.
        try? context.folder.note(good: Array(good), bad: bad)
    }
}
