// SPDX-License-Identifier: Apache-2.0
package import CacheClient
package import FirnAPI
package import Foundation

/// A status as a person reads it, in 80 columns unless names are long.
package struct StatusView: Sendable {
    private let report: StatusReport
    private let address: FirnAddress
    private let now: Date

    package init(_ report: StatusReport, of address: FirnAddress, at now: Date) {
        self.report = report
        self.address = address
        self.now = now
    }

    /// The whole page.
    package func lines(_ style: TextStyle) -> [String] {
        let parts = [head(style), own.lines(style), tiers(style), transfers(style)]
        return Array(parts.filter { !$0.isEmpty }.joined(separator: [""]))
    }

    /// One line that can be compared with the next one.
    package var summaryLine: String {
        let store = report.store
        var words = [Timestamp(now).description, "store \(store.hits)/\(store.misses)"]
        if let depot = report.depot {
            words.append("depot \(depot.hits)/\(depot.misses)")
            words.append(Quantity.bytes(depot.storedBytes + depot.pendingBytes))
        }
        for tier in report.tiers {
            let latency = tier.latency.map { " \(Quantity.time($0.duration))" } ?? ""
            words.append(
                "\(tier.name) \(tier.state.rawValue)\(latency) \(tier.hits)/\(tier.misses)"
            )
        }
        words.append("transfers \(report.transfers.count)")
        return Printable.line(words.joined(separator: "  "))
    }

    private func head(_ style: TextStyle) -> [String] {
        let since = now.timeIntervalSince(report.startedAt.date)
        let age = Quantity.time(.seconds(max(0, since.rounded(.down))))
        let name = style.apply(.bold, to: Printable.line("Firn \(report.version)"))
        let store = "store \(report.storeDirectory)"
        let facts = "node \(report.node), \(store), priority \(report.priority)"
        return ["\(name) at \(address), up for \(age)", Printable.line(facts)]
    }

    /// The tiers that every Firn has.
    private var own: TextTable {
        var table = TextTable([.left, .right, .right, .right, .left])
        table.add(["OWN", "HITS", "MISSES", "RATIO"])
        let store = report.store
        table.add([Self.name("store")] + Self.ratio(store.hits, store.misses))
        if let depot = report.depot {
            let used = depot.storedBytes + depot.pendingBytes
            let share = Quantity.percent(used, of: depot.maximumBytes) ?? "all"
            let use = "\(Quantity.bytes(used)) of \(Quantity.bytes(depot.maximumBytes)) (\(share))"
            let count = "\(Quantity.count(depot.objects)) object\(depot.objects == 1 ? "" : "s")"
            table.add(
                [Self.name("depot")] + Self.ratio(depot.hits, depot.misses)
                    + [TextTable.Cell("\(use), \(count)")]
            )
            table.addNote(TextTable.Cell("       \(depot.location)", .grey))
            if let trouble = depot.trouble {
                table.addNote(TextTable.Cell("       \(trouble)", .red))
            }
        } else {
            table.add([Self.name("depot"), "", "", "", TextTable.Cell("none", .grey)])
        }
        return table
    }

    private func tiers(_ style: TextStyle) -> [String] {
        guard !report.tiers.isEmpty else {
            return [style.apply(.grey, to: "no tiers: nothing is fetched from other caches")]
        }
        var table = TextTable([.left, .left] + Array(repeating: .right, count: 7))
        table.add([
            "TIER", "STATE", "LATENCY", "HITS", "MISSES", "RATIO", "ASKED", "FAILED", "NARS",
        ])
        for tier in report.tiers { add(tier, to: &table) }
        return table.lines(style)
    }

    private func add(_ tier: StatusReport.Tier, to table: inout TextTable) {
        table.add(
            [Self.name(tier.name), Self.state(tier.state), Self.latency(tier.latency)]
                + Self.ratio(tier.hits, tier.misses)
                + [
                    TextTable.Cell(Quantity.count(tier.requests)),
                    TextTable.Cell(
                        Quantity.count(tier.failures),
                        tier.failures > 0 ? .yellow : nil
                    ),
                    TextTable.Cell(Quantity.bytes(tier.narBytes)),
                ]
        )
        for address in tier.addresses { add(address, of: tier, to: &table) }
        if let deltas = tier.deltas, deltas.used + deltas.failures > 0 {
            let failed = Quantity.count(deltas.failures)
            let failures = deltas.failures > 0 ? ", \(failed) of no use" : ""
            let sizes =
                "\(Quantity.bytes(deltas.bytes)) instead of \(Quantity.bytes(deltas.ordinaryBytes))"
            let count = "\(Quantity.count(deltas.used)) NAR\(deltas.used == 1 ? "" : "s")"
            table.addNote(TextTable.Cell("    deltas: \(count), \(sizes)\(failures)"))
        }
        if tier.asksBack == true {
            table.addNote(
                TextTable.Cell("    asks us back: it has this Firn as a tier of its own", .grey)
            )
        }
        let isTold = tier.addresses.contains { $0.lastFailure == tier.lastFailure }
        if let failure = tier.lastFailure, !isTold {
            table.addNote(TextTable.Cell("    last failure: \(failure)", .grey))
        }
    }

    private func add(
        _ address: StatusReport.Address,
        of tier: StatusReport.Tier,
        to table: inout TextTable
    ) {
        let mark = address.isChosen ? "*" : " "
        let kind = address.isChosen && tier.isFirn ? ", a Firn" : ""
        let latency = address.latency.map { " \(Quantity.time($0.duration))" } ?? ""
        table.addNote(
            TextTable.Cell(
                "  \(mark) \(address.url) (\(address.state.rawValue)\(latency)\(kind))",
                address.isChosen ? nil : .grey
            )
        )
        if let failure = address.lastFailure {
            table.addNote(TextTable.Cell("      last failure: \(failure)", .grey))
        }
    }

    private func transfers(_ style: TextStyle) -> [String] {
        guard !report.transfers.isEmpty else { return [] }
        var table = TextTable([.right, .left, .right, .left, .left])
        table.add(["RECEIVED", "", "READERS", "FROM", "TRANSFER"])
        for transfer in report.transfers {
            let share = transfer.sizeBytes.flatMap {
                Quantity.percent(transfer.receivedBytes, of: $0)
            }
            let size = transfer.sizeBytes.map { "of \(Quantity.bytes($0)) (\(share ?? "all"))" }
            table.add([
                TextTable.Cell(Quantity.bytes(transfer.receivedBytes)),
                TextTable.Cell(size ?? ""),
                TextTable.Cell("\(transfer.readers)"),
                TextTable.Cell(transfer.tier),
                TextTable.Cell(Self.shortened(transfer.nar)),
            ])
        }
        return table.lines(style)
    }

    /// The store hash is enough to find the path, and the whole URL would fill two lines.
    private static func shortened(_ nar: String) -> String {
        let name = nar.hasPrefix("nar/") ? String(nar.dropFirst(4)) : nar
        return name.count > 20 ? "\(name.prefix(16))…" : name
    }
}

extension StatusView {
    private static func name(_ name: String) -> TextTable.Cell { TextTable.Cell(name, .bold) }

    private static func state(_ state: StatusReport.TierState) -> TextTable.Cell {
        switch state {
        case .up: TextTable.Cell(state.rawValue, .green)
        case .down: TextTable.Cell(state.rawValue, .red)
        case .resting: TextTable.Cell(state.rawValue, .yellow)
        case .unknown, .unrecognised: TextTable.Cell(state.rawValue, .grey)
        }
    }

    private static func latency(_ latency: Milliseconds?) -> TextTable.Cell {
        TextTable.Cell(latency.map { Quantity.time($0.duration) } ?? "-")
    }

    private static func ratio(_ hits: UInt64, _ misses: UInt64) -> [TextTable.Cell] {
        let share = Quantity.percent(hits, of: hits + misses) ?? "-"
        return [Quantity.count(hits), Quantity.count(misses), share].map { TextTable.Cell($0) }
    }
}
