// SPDX-License-Identifier: Apache-2.0
import FirnAPI
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
    ///
    /// - Throws: ``FleetFolder/Failure`` where what is done cannot be written down; nothing is done then.
    package func run(
        _ hosts: [Host],
        intents: [HostName: QueuedIntent] = [:]
    ) async throws -> [HostReport] {
        let slots = Slots(options.parallel)
        let canary = options.canary.flatMap { name in hosts.first { $0.name == name } }
        let gate = hosts.count > 1 && canary != nil ? CanaryGate() : nil
        let deploys = hosts.map { host in
            let isCanary = host.name == canary?.name
            return (deploy(host, slots, isCanary ? nil : gate, intents[host.name]), isCanary)
        }
        let open = try begin(deploys.map(\.0))
        let reports = await withTaskGroup(of: HostReport.self) { group in
            for (deploy, isCanary) in deploys {
                group.addTask {
                    let report = await deploy.run()
                    if isCanary { await gate?.open(unless: Self.verdict(report)) }
                    return report
                }
            }
            return await group.reduce(into: [HostName: HostReport]()) { $0[$1.host] = $1 }
        }
        open.end()
        return hosts.compactMap { reports[$0.name] }
    }

    /// Whoever kills us leaves a note of what was to be done.
    private func begin(_ deploys: [HostDeploy]) throws -> OpenRun {
        let isPreview = options.mode == .dryActivate
        let note = RunNote(
            by: context.who,
            startedAt: Timestamp(Date()),
            action: isPreview ? "dry-run" : options.mode.rawValue,
            entries: deploys.map { deploy in
                RunNote.Entry(
                    host: "\(deploy.host.name)",
                    id: deploy.token.description,
                    strategy: deploy.strategy.rawValue,
                    log: deploy.record.logPath
                )
            }
        )
        let open = try context.folder.begin(note)
        if !isPreview {
            do {
                try context.folder.note(good: [], bad: deploys.map(\.host.name))
            } catch {
                open.end()
                throw error
            }
        }
        return open
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
}
