// SPDX-License-Identifier: Apache-2.0
import FirnAPI
package import Fleet
import Foundation

/// Receipts as a person reads them: one line a deployment, or the strategies side by side.
package struct ReportView: Sendable {
    private let receipts: [Receipt]

    /// - Parameter receipts: Oldest first.
    package init(_ receipts: [Receipt]) {
        self.receipts = receipts
    }

    // MARK: One by one

    /// A table of deployments, each with why paths did not come from the nearest tier.
    package func lines(_ style: TextStyle) -> [String] {
        var table = TextTable([.left, .left, .left, .left, .right, .right, .right, .right])
        table.add(["STARTED", "HOST", "VIA", "OUTCOME", "TOOK", "FETCHED", "DEPLOYER", "CPU"])
        for receipt in receipts {
            table.add([
                TextTable.Cell(Self.moment(receipt.startedAt)),
                TextTable.Cell(receipt.host, .bold),
                TextTable.Cell(Self.way(receipt)),
                TextTable.Cell(receipt.outcome.rawValue, Self.colour(receipt.outcome)),
                TextTable.Cell(Quantity.time(receipt.took.duration)),
                TextTable.Cell(receipt.pull.map { Self.fetched($0) } ?? "-"),
                TextTable.Cell(receipt.deployerBytes.map(Quantity.bytes) ?? "-"),
                TextTable.Cell(receipt.use.map { Self.seconds($0.cpuSeconds) } ?? "-"),
            ])
            for note in Self.notes(receipt) {
                table.addNote(TextTable.Cell("    \(note)", .grey))
            }
        }
        return table.lines(style)
    }

    /// Who built; a roll-back has nothing built.
    private static func way(_ receipt: Receipt) -> String {
        switch receipt.action {
        case "switch": receipt.strategy.rawValue
        case "rollback": "rollback"
        default: "\(receipt.strategy.rawValue), \(receipt.action)"
        }
    }

    private static func notes(_ receipt: Receipt) -> [String] {
        var notes = receipt.reason.map { [$0] } ?? []
        guard let pull = receipt.pull else { return notes }
        let given = pull.tiers.filter { $0.paths > 0 }.map { share in
            "\(share.name) \(share.paths) paths"
                + (share.narBytes > 0 ? ", \(Quantity.bytes(share.narBytes))" : "")
        }
        if !given.isEmpty { notes.append(given.joined(separator: "; ")) }
        for share in pull.behindAgent ?? [] {
            guard let deltas = share.deltas else { continue }
            notes.append(
                "deltas of \(share.name): \(deltas.paths) paths came as"
                    + " \(Quantity.bytes(deltas.wireBytes)), not"
                    + " \(Quantity.bytes(deltas.ordinaryBytes))"
            )
        }
        for share in pull.tiers where !share.misses.isEmpty {
            let why = share.misses.sorted { $0.key < $1.key }
                .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            notes.append("not from \(share.name): \(why)")
        }
        let shown = pull.misses.prefix(3).map { "\($0.path): \($0.explanation)" }
        let rest = pull.misses.count - shown.count
        return notes + shown + (rest > 0 ? ["… and \(rest) more, with --json"] : [])
    }

    // MARK: Side by side

    /// The strategies as columns.
    package static func lines(_ comparison: StrategyComparison, _ style: TextStyle) -> [String] {
        let columns = comparison.columns
        guard !columns.isEmpty || comparison.unchanged != nil else {
            return ["no deployment has been done yet that could be compared"]
        }
        var table = TextTable([.left] + columns.map { _ in .right })
        table.add(
            [TextTable.Cell("")]
                + columns.map { TextTable.Cell("via \($0.strategy.rawValue)", .bold) }
        )
        func row(_ name: String, _ value: (StrategyComparison.Column) -> String?) {
            let values = columns.map(value)
            guard values.contains(where: { $0 != nil }) else { return }
            table.add([TextTable.Cell(name)] + values.map { TextTable.Cell($0 ?? "-") })
        }
        row("deployments") { "\($0.deploys)" }
        row("time") { Quantity.time($0.took.duration) }
        for phase in phaseNames(columns) {
            row("  \(phase)") { column in
                column.phases.first { $0.phase == phase }.map { Quantity.time($0.took.duration) }
            }
        }
        row("fetched by the host") { $0.fetchedBytes.map(Quantity.bytes) }
        row("  paths") { $0.fetchedPaths.map { Quantity.count(UInt64($0)) } }
        row("  saved by deltas") { $0.savedBytes.map(Quantity.bytes) }
        for tier in tierNames(columns) { row("  from \(tier)") { share(of: tier, in: $0) } }
        row("through the deployer") { $0.deployerBytes.map(Quantity.bytes) }
        row("built") { column in column.built.map { "\($0)" } }
        row("  on") { $0.builtOn.isEmpty ? nil : $0.builtOn.joined(separator: ", ") }
        row("CPU time of the host") { $0.targetCPUSeconds.map(seconds) }
        row("written by the host") { $0.targetWrittenBytes.map(Quantity.bytes) }
        row("energy of the host") { $0.targetJoules.map { "\(Int($0.rounded())) J" } }
        let skipped = comparison.unchanged.map { skips in
            let hosts = skips.count == 1 ? "1 deployment" : "\(skips.count) deployments"
            return ["", "unchanged: \(hosts), \(Quantity.time(skips.took.duration)) each"]
        }
        return (columns.isEmpty ? [] : table.lines(style) + ["", "Medians; shares are of bytes."])
            + (skipped ?? [])
    }

    private static func phaseNames(_ columns: [StrategyComparison.Column]) -> [String] {
        let all = Set(columns.flatMap { $0.phases.map(\.phase) })
        let known = Phase.allCases.map(\.rawValue).filter(all.contains)
        return known + all.subtracting(known).sorted()
    }

    private static func tierNames(_ columns: [StrategyComparison.Column]) -> [String] {
        columns.flatMap { $0.tiers.map(\.tier) }.reduce(into: []) { names, name in
            if !names.contains(name) { names.append(name) }
        }
    }

    private static func share(of tier: String, in column: StrategyComparison.Column) -> String? {
        let all = column.tiers.reduce(0) { $0 &+ $1.narBytes }
        let own = column.tiers.first { $0.tier == tier }?.narBytes ?? 0
        return all == 0 ? nil : Quantity.percent(own, of: all)
    }

    private static func fetched(_ pull: PullReport) -> String {
        // A cache that is a folder counts nothing on its way, and a host that builds no bytes at all.
        if pull.wireBytes > 0 { return Quantity.bytes(pull.wireBytes) }
        return pull.paths > 0 && pull.narBytes == 0
            ? "\(pull.paths) paths" : Quantity.bytes(pull.narBytes)
    }

    private static func seconds(_ seconds: Double) -> String {
        Quantity.time(.milliseconds(Int64((min(seconds, 1e9) * 1_000).rounded())))
    }

    private static func moment(_ instant: Timestamp) -> String {
        instant.description.replacing("T", with: " ").replacing("Z", with: "")
    }

    private static func colour(_ outcome: Receipt.Outcome) -> TextStyle.Colour? {
        switch outcome {
        case .done: .green
        case .staged, .rolledBack, .unreachable, .interrupted: .yellow
        case .refused, .failed: .red
        case .previewed, .unchanged, .unrecognised: nil
        }
    }
}
