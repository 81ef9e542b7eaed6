// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The latency of a tier over the last hour, as a line with gaps where it did not answer.
struct LatencyChart {
    let tier: String
    let moments: [StatusHistory.Moment]

    private static let (width, height) = (160.0, 32.0)

    /// `nil` before there is a line to be drawn.
    var html: HTML? {
        let values = moments.map { $0.latencies[tier] }
        let known = values.compactMap(\.self)
        guard moments.count > 1, let most = known.max(), let least = known.min() else { return nil }
        let gaps = moments.count { !$0.up.contains(tier) }
        let silence =
            gaps == 0
            ? "" : ", silent for \(PageText.share(UInt64(gaps), of: UInt64(moments.count)))"
        let label =
            "between \(PageText.latency(least)) and \(PageText.latency(most)) in the last"
            + " \(PageText.span(span))\(silence)"
        var lines: HTML = ""
        for points in stretches(values, top: most) {
            lines += "<polyline points=\"\(points)\"/>"
        }
        return """
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(label)">\
            <title>\(label)</title>\(lines)</svg>
            """
    }

    private var span: TimeInterval {
        guard let first = moments.first, let last = moments.last else { return 0 }
        return last.time.timeIntervalSince(first.time)
    }

    private func stretches(_ values: [Duration?], top: Duration) -> [String] {
        let step = Self.width / Double(max(1, values.count - 1))
        var stretches: [[String]] = [[]]
        for (place, value) in values.enumerated() {
            guard let value else {
                if stretches.last?.isEmpty == false { stretches.append([]) }
                continue
            }
            // Room above, so that a steady line is not a border of the row above it.
            let share = top > .zero ? value / (top * 1.5) : 0
            let point = String(
                format: "%.1f,%.1f",
                Double(place) * step,
                Self.height - 2 - share * (Self.height - 4)
            )
            stretches[stretches.count - 1].append(point)
        }
        return stretches.filter { !$0.isEmpty }.map { points in
            // A single moment is a dot.
            (points.count == 1 ? points + points : points).joined(separator: " ")
        }
    }
}
