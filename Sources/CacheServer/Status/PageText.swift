// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers on pages for people.
enum PageText {
    private static let units = ["B", "kB", "MB", "GB", "TB", "PB"]

    /// `999 B`, `1.2 kB`, `123 GB`.
    static func bytes(_ count: UInt64) -> String {
        var value = Double(count)
        var unit = 0
        while value >= 999.5, unit < units.count - 1 {
            value /= 1_000
            unit += 1
        }
        let isShort = unit > 0 && value < 9.95
        return String(format: isShort ? "%.1f" : "%.0f", value) + " \(units[unit])"
    }

    /// `0.4 ms`, `12 ms`, `1.5 s`.
    static func latency(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        if milliseconds < 9.95 { return String(format: "%.1f ms", milliseconds) }
        if milliseconds < 999.5 { return String(format: "%.0f ms", milliseconds) }
        return String(format: "%.1f s", milliseconds / 1_000)
    }

    /// `40 s`, `5 min`, `3 h`, `2 d`.
    static func span(_ seconds: TimeInterval) -> String {
        let steps = [("d", 86_400.0), ("h", 3_600), ("min", 60)]
        for (unit, length) in steps where seconds >= 2 * length {
            return "\(Int(seconds / length)) \(unit)"
        }
        return "\(Int(max(0, seconds))) s"
    }

    /// `1,234,567`.
    static func count(_ number: UInt64) -> String {
        let digits = Array(String(number))
        return digits.indices.reduce(into: "") { text, index in
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digits[index])
        }
    }

    /// `97 %`; `–` of nothing.
    static func share(_ part: UInt64, of whole: UInt64) -> String {
        guard whole > 0 else { return "–" }
        let exact = Double(part) / Double(whole) * 100
        if part > 0, exact < 1 { return "<1 %" }
        return "\(part < whole ? min(99, Int(exact.rounded())) : 100) %"
    }
}
