// SPDX-License-Identifier: Apache-2.0
package import FirnAPI

/// An explanation as a person reads it.
package struct ExplainView: Sendable {
    private let report: ExplainReport

    package init(_ report: ExplainReport) {
        self.report = report
    }

    package func lines(_ style: TextStyle) -> [String] {
        [
            style.apply(.bold, to: Printable.line(report.path)),
            Printable.line(report.summary),
        ] + answer + delta + [""] + tiers(style)
    }

    private var answer: [String] {
        guard let answer = report.answer else { return [] }
        let file = answer.fileBytes.map { ", \(Quantity.bytes($0)) to fetch" } ?? ""
        let size = "\(Quantity.bytes(answer.narBytes)) unpacked\(file)"
        return [
            Printable.line("  \(answer.url)"),
            Printable.line("  from \(answer.tier), compression \(answer.compression), \(size)"),
        ]
    }

    private var delta: [String] {
        guard let delta = report.delta else { return [] }
        guard let base = delta.base else {
            return delta.reason.map { [Printable.line("  no delta: \($0)")] } ?? []
        }
        let came = delta.bytes.map(Quantity.bytes) ?? "?"
        let instead = delta.ordinaryBytes.map { " instead of \(Quantity.bytes($0))" } ?? ""
        return [Printable.line("  came as a delta of \(came)\(instead), made of \(base)")]
    }

    private func tiers(_ style: TextStyle) -> [String] {
        var table = TextTable([.left, .left, .right, .left])
        table.add(["TIER", "NOW", "TOOK", "REMEMBERED"])
        for tier in report.tiers {
            let live = tier.live
            let isChosen = tier.name == report.answer?.tier
            table.add([
                TextTable.Cell(tier.name, .bold),
                TextTable.Cell(
                    live.outcome.rawValue + (isChosen ? " *" : ""),
                    Self.colour(live.outcome)
                ),
                TextTable.Cell(live.took.map { Quantity.time($0.duration) } ?? "-"),
                Self.memory(tier.remembered),
            ])
            for note in Self.notes(live) + (tier.note.map { [$0] } ?? []) {
                table.addNote(TextTable.Cell("    \(note)", .grey))
            }
        }
        return table.lines(style)
    }

    private static func notes(_ live: ExplainReport.Live) -> [String] {
        var notes: [String] = []
        if let reason = live.reason { notes.append(reason) }
        if let url = live.url { notes.append(url) }
        if let keys = live.signedBy {
            let names = keys.joined(separator: ", ")
            notes.append(keys.isEmpty ? "signed by no key of this tier" : "signed by \(names)")
        }
        return notes
    }

    private static func memory(_ memory: ExplainReport.Memory?) -> TextTable.Cell {
        guard let memory else { return TextTable.Cell("-", .grey) }
        return TextTable.Cell(
            "\(memory.outcome.rawValue), \(Quantity.time(memory.age.duration)) ago"
        )
    }

    private static func colour(_ outcome: ExplainReport.Outcome) -> TextStyle.Colour? {
        switch outcome {
        case .found: .green
        case .failed: .red
        case .skipped: .yellow
        case .absent, .unrecognised: nil
        }
    }
}
