// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import NixFormat

/// Keeps what a deploy was and cost, here and, where anything was done on it, on the host.
struct ReceiptKeeper: Sendable {
    let context: FleetContext
    let host: Host
    let token: DeployToken
    let record: HostRecord
    let strategy: Receipt.Strategy
    /// A word of ``Receipt/action``.
    let action: String

    func keep(_ report: inout HostReport, _ work: HostWork) async {
        var receipt = Receipt(
            id: token.description,
            host: "\(host.name)",
            by: context.who,
            startedAt: Timestamp(record.started),
            took: Milliseconds(report.took),
            strategy: strategy,
            action: action,
            outcome: Receipt.Outcome(report.ending)
        )
        let store = StoreDirectory.standard
        let outcome = work.known.outcome
        receipt.reason = report.ending.reason
        receipt.revision = report.wanted?.lineage?.revision
        receipt.oldPath = work.known.old.map(store.path(of:))
        receipt.newPath = (report.wanted?.path).map(store.path(of:))
        receipt.phases = report.phases.map {
            Receipt.PhaseTime($0.phase.rawValue, took: Milliseconds($0.took))
        }
        receipt.built = report.built
        receipt.pull = report.pull
        receipt.use = [Self.use(outcome), report.pull?.use, work.known.buildUse]
            .compactMap(\.self).reduce(nil) { sum, use in sum.map { $0 + use } ?? use }
        let shell = context.connections.shell(to: host)
        // Of a host that nobody reached nothing was measured.
        if shell.isConnected || shell.carriedBytes + work.known.sentBytes > 0 {
            receipt.deployerBytes = shell.carriedBytes + work.known.sentBytes
        }
        let session = context.session(of: host)
        if work.known.isTouched, !Task.isCancelled {
            let meter = TargetMeter(on: session.shell, folder: session.places.state)
            do {
                let start = work.known.meters
                receipt = try await meter.leave(receipt, since: start, deadline: .seconds(30))
            } catch let failure as TargetMeter.NotKept {
                report.tell(failure.description)
            } catch {
                report.tell("the host keeps no receipt: \(error)")
            }
        }
        do {
            try ReceiptBook(state: context.folder.state).append(receipt, of: host.name)
        } catch {
            report.tell("no receipt here: \(error)")
        }
    }

    private static func use(_ outcome: SwitchOutcome?) -> ResourceUse? {
        outcome?.processorTime.map { time in
            let parts = time.components
            return ResourceUse(
                cpuSeconds: Double(parts.seconds) + Double(parts.attoseconds) / 1e18,
                writtenBytes: outcome?.writtenBytes.map { UInt64(clamping: $0) }
            )
        }
    }
}

extension Receipt.Outcome {
    init(_ ending: HostEnding) {
        self =
            switch ending {
            case .unchanged: .unchanged
            case .done, .tested, .built: .done
            case .previewed: .previewed
            case .staged: .staged
            case .rolledBack: .rolledBack
            case .refused, .notBegun: .refused
            case .unreachable, .queued, .skipped: .unreachable
            case .interrupted: .interrupted
            case .failed, .stuck, .unknown: .failed
            }
    }
}
