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

    let name: String
    let unit: Unit
    /// The ratio Firn must reach (of rates) or not exceed (of times); `nil` where the design has none.
    let bar: Double?
    /// For what takes long.
    var maximumRounds = Int.max
    /// In seconds, or in requests per second.
    let measure: (Contest.Side) async throws -> Double

    static let header = """
        | what | Firn | nginx | Firn / nginx | min to max | bar |
        |---|---|---|---|---|---|
        """

    /// The ratio of the medians, and the spread of the ratios of the rounds.
    func row(firn: [Double], nginx: [Double]) -> String {
        let ratio = Self.median(firn) / Self.median(nginx)
        let ratios = zip(firn, nginx).map { $0 / $1 }
        let spread = "\(Self.format(ratios.min() ?? 0)) to \(Self.format(ratios.max() ?? 0))"
        let values = "\(text(Self.median(firn))) | \(text(Self.median(nginx)))"
        return "| \(name) | \(values) | \(Self.format(ratio)) | \(spread) | \(verdict(ratio)) |"
    }

    static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2)
            ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    private func verdict(_ ratio: Double) -> String {
        guard let bar else { return "" }
        let isMet = unit == .perSecond ? ratio >= bar : ratio <= bar
        return "\(unit == .perSecond ? "≥" : "≤") \(bar) \(isMet ? "met" : "MISSED")"
    }

    private func text(_ value: Double) -> String {
        switch unit {
        case .perSecond: "\(Int(value))/s"
        case .seconds: "\(Self.format(value)) s"
        case .milliseconds: "\(Self.format(value * 1000)) ms"
        }
    }

    private static func format(_ value: Double) -> String {
        String(format: abs(value) < 10 ? "%.2f" : "%.1f", value)
    }
}
