// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// How long an update takes over links of several speeds, with deltas and without.
struct DeltaTimes {
    let corpus: DeltaCorpusStore
    /// Of the builder; with a state and a depot that stay.
    let setup: ServerSetup
    let laptop: DeltaLaptop

    /// `auto` is held against the better of the others.
    private static let modes = ["never", "always", "auto"]
    private static let roundTrip = Duration.milliseconds(20)
    private static let bar = 1.05

    private static let links: [Double] = [10, 100, 1_000]
    /// What takes long varies little: a mode that has taken so long in all is not run again.
    private static let mostRounds = 5
    private static let enough = 60.0

    func measure(_ updates: [DeltaBench.Update]) async throws {
        progress("waiting until what the updates bring is packed")
        try await withServer(setup) { builder in
            for update in updates {
                let paths = try await corpus.store.closure(of: [update.path])
                try await builder.compressAhead(paths, within: .seconds(1_800))
            }
        }
        report(
            """

            | update | Mbit/s | mode | s | auto / better | MB | agent, Nix, builder: CPU s \
            | agent, builder: peak MB |
            |---|---|---|---|---|---|---|---|
            """
        )
        for update in updates {
            for megabits in Self.links { try await measure(update, megabits) }
        }
    }

    /// In turns, so that what else the machine does falls on all of them.
    private func measure(_ update: DeltaBench.Update, _ megabits: Double) async throws {
        var costs: [String: [DeltaCost]] = [:]
        for _ in 0..<Self.mostRounds {
            for mode in Self.modes {
                let spent = costs[mode, default: []].reduce(0) { $0 + $1.seconds }
                guard spent < Self.enough else { continue }
                costs[mode, default: []].append(try await run(update, mode, megabits))
            }
        }
        let medians = costs.mapValues(DeltaCost.median)
        let better = ["never", "always"].compactMap { medians[$0]?.seconds }.min() ?? .nan
        for mode in Self.modes {
            guard let cost = medians[mode] else { continue }
            var verdict = ""
            if mode == "auto" {
                let ratio = cost.seconds / better
                verdict = "\(Figure.format(ratio)), ≤ \(Self.bar) \(Figure.word(ratio <= Self.bar))"
            }
            report(row(update, megabits, mode, cost, verdict))
        }
    }

    private func run(
        _ update: DeltaBench.Update,
        _ mode: String,
        _ megabits: Double
    ) async throws -> DeltaCost {
        // The first laptop: nothing is kept for it.
        let kept = "\(setup.depotLocation ?? "")/deltas"
        if FileManager.default.fileExists(atPath: kept) {
            try FileManager.default.removeItem(atPath: kept)
        }
        return try await withServer(setup) { builder in
            try await DelayRelay.run(
                to: builder.port,
                roundTrip: Self.roundTrip,
                bytesPerSecond: megabits * 1e6 / 8
            ) { relay in
                try await laptop.update(to: update.path, by: mode, from: builder, at: relay.port)
            }
        }
    }

    private func row(
        _ update: DeltaBench.Update,
        _ megabits: Double,
        _ mode: String,
        _ cost: DeltaCost,
        _ verdict: String
    ) -> String {
        let processors = [cost.agentProcessor, cost.nixProcessor, cost.builderProcessor]
            .map(Figure.format).joined(separator: ", ")
        let peaks = "\(cost.agentPeakBytes / 1_000_000), \(cost.builderPeakBytes / 1_000_000)"
        let cells = [
            update.name, "\(Int(megabits))", mode, Figure.format(cost.seconds), verdict,
            Figure.format(Double(cost.bytes) / 1e6), processors, peaks,
        ]
        return "| \(cells.joined(separator: " | ")) |"
    }
}
