// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One row of the table: how it is measured, and how good it has to be.
struct Figure {
    /// What a measurement counts.
    enum Unit {
        case perSecond
        case seconds
        case milliseconds
    }

    /// What Firn's median must not exceed.
    enum Limit {
        /// The other's and so much.
        case more(Double)
        /// This, whatever the other's is.
        case total(Double)
    }

    let name: String
    let unit: Unit
    /// The ratio Firn must reach (of rates) or not exceed (of times); `nil` where the design has none.
    let bar: Double?
    /// A bar in seconds, where the design has one that is no ratio.
    var limit: Limit?
    /// For what takes long.
    var maximumRounds = Int.max
    /// In seconds, or in requests per second.
    let measure: (Contest.Side) async throws -> Double

    /// The head of a table in which Firn stands beside something else.
    static func header(_ other: String) -> String {
        """
        | what | Firn | \(other) | Firn / \(other) | min to max | bar |
        |---|---|---|---|---|---|
        """
    }

    /// Measures both in turns and prints the row.
    func run(rounds: Int) async throws {
        var measured: [Contest.Side: [Double]] = [.firn: [], .nginx: []]
        // The first round fills caches and is thrown away.
        for round in 0...min(rounds, maximumRounds) {
            for side in Contest.Side.allCases {
                let value = try await measure(side)
                if round > 0 { measured[side, default: []].append(value) }
            }
        }
        report(row(firn: measured[.firn] ?? [], nginx: measured[.nginx] ?? []))
    }

    /// The ratio of the medians, and the spread of the ratios of the rounds.
    func row(firn: [Double], nginx: [Double]) -> String {
        let ratio = Self.median(firn) / Self.median(nginx)
        let ratios = zip(firn, nginx).map { $0 / $1 }
        let spread = "\(Self.format(ratios.min() ?? 0)) to \(Self.format(ratios.max() ?? 0))"
        let values = "\(text(Self.median(firn))) | \(text(Self.median(nginx)))"
        let verdict = verdict(firn, nginx)
        return "| \(name) | \(values) | \(Self.format(ratio)) | \(spread) | \(verdict) |"
    }

    static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2)
            ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    private func verdict(_ firn: [Double], _ nginx: [Double]) -> String {
        let (own, other) = (Self.median(firn), Self.median(nginx))
        switch limit {
        case .more(let seconds):
            return "≤ + \(text(seconds)) \(Self.word(own <= other + seconds))"
        case .total(let seconds):
            return "≤ \(text(seconds)) \(Self.word(own <= seconds))"
        case nil: break
        }
        guard let bar else { return "" }
        let isMet = unit == .perSecond ? own / other >= bar : own / other <= bar
        return "\(unit == .perSecond ? "≥" : "≤") \(bar) \(Self.word(isMet))"
    }

    /// How it is said whether a bar was met.
    static func word(_ isMet: Bool) -> String { isMet ? "met" : "MISSED" }

    private func text(_ value: Double) -> String {
        switch unit {
        case .perSecond: "\(Int(value))/s"
        case .seconds: "\(Self.format(value)) s"
        case .milliseconds: "\(Self.format(value * 1000)) ms"
        }
    }

    static func format(_ value: Double) -> String {
        String(format: abs(value) < 10 ? "%.2f" : "%.1f", value)
    }
}
