// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI
import Fleet
import NixFormat

/// How a run ended: the table, the JSON and the exit code.
struct FleetReports {
    let reports: [HostReport]
    /// The heading of what each host runs, or of what was built for it.
    var names = "RUNS"
    /// Whether somebody stopped the run before it was done.
    var wasInterrupted = false

    func table(_ style: TextStyle) -> [String] {
        var table = TextTable([.left, .left, .right, .left])
        table.add(["HOST", TextTable.Cell(names), "TIME", "HOW IT GOT THERE"])
        for report in reports {
            table.add([
                TextTable.Cell("\(report.host)"),
                TextTable.Cell(report.seen.map(Self.short) ?? "?"),
                TextTable.Cell(Quantity.time(report.took)),
                TextTable.Cell(report.ending.text, Self.colour(report.ending)),
            ])
        }
        for report in reports {
            for line in report.told { table.addNote(TextTable.Cell("\(report.host): \(line)")) }
        }
        for report in reports where !report.ending.isGood {
            if let log = report.log {
                table.addNote(TextTable.Cell("log of \(report.host): \(log)"))
            }
        }
        return table.lines(style)
    }

    /// `nixos-system-samsung-25.05 (abc12)`: the name tells people more than the hash.
    static func short(_ path: String) -> String {
        guard let path = try? StoreDirectory.standard.storePath(parsing: path) else { return path }
        return "\(path.name) (\("\(path.hash)".prefix(5)))"
    }

    private static func colour(_ ending: HostEnding) -> TextStyle.Colour? {
        if ending.isGood { return .green }
        switch ending {
        case .queued, .skipped, .staged, .notBegun: return .yellow
        default: return .red
        }
    }

    /// 0 only when every host is as it was asked to be; one kind of failure has its own code, several
    /// or some have 3, and what was stopped before it was so has 130, whatever became of the hosts.
    var exitCode: ExitCode? {
        let bad = reports.filter { !$0.ending.isGood }
        guard let first = bad.first else { return nil }
        if wasInterrupted || bad.contains(where: { $0.ending.isInterruption }) {
            return .interrupted
        }
        guard bad.count == reports.count else { return .someFailed }
        let codes = Set(bad.map { $0.ending.exitCode })
        return codes.count == 1 ? first.ending.exitCode : .someFailed
    }

    var json: String {
        get throws {
            String(decoding: try FirnJSON.write(reports.map(HostReportBody.init)), as: UTF8.self)
        }
    }
}

extension HostEnding {
    fileprivate var isInterruption: Bool {
        if case .interrupted = self { return true }
        return false
    }

    fileprivate var exitCode: ExitCode {
        switch self {
        case .unchanged, .done, .tested, .previewed, .built: .success
        case .failed, .stuck, .unknown: .failed
        case .unreachable, .queued, .skipped: .unreachable
        // The host has it, and does not bring it into effect before it is restarted.
        case .refused, .notBegun, .staged: .refused
        case .rolledBack: .rolledBack
        case .interrupted: .interrupted
        }
    }
}

/// One host of a run, as `--json` prints it.
struct HostReportBody: Encodable {
    struct PhaseBody: Encodable {
        let phase: String
        let took: Milliseconds
    }

    let host: String
    let outcome: String
    let isAsAsked: Bool
    let reason: String?
    let wanted: String?
    let running: String?
    let revision: String?
    let took: Milliseconds
    let phases: [PhaseBody]
    let notes: [String]
    let log: String?
    let built: Receipt.Built?
    let pull: PullReport?

    private enum CodingKeys: String, CodingKey {
        case host, outcome, reason, wanted, running, revision, took, phases, notes, log, built, pull
        case isAsAsked = "as-asked"
    }

    init(_ report: HostReport) {
        host = "\(report.host)"
        outcome = report.ending.word
        isAsAsked = report.ending.isGood
        reason = report.ending.reason
        wanted = report.wanted.map { StoreDirectory.standard.path(of: $0.path) }
        running = report.running
        revision = report.wanted?.lineage?.revision
        took = Milliseconds(report.took)
        phases = report.phases.map {
            PhaseBody(phase: $0.phase.rawValue, took: Milliseconds($0.took))
        }
        notes = report.notes
        log = report.log
        built = report.built
        pull = report.pull
    }
}

extension HostReport {
    /// What it runs, or where nobody asked, what was built for it.
    fileprivate var seen: String? {
        ending == .built ? wanted.map { StoreDirectory.standard.path(of: $0.path) } : running
    }
}
