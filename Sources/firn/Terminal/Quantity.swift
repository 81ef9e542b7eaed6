// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers as a person reads them: few digits, and the unit.
package enum Quantity {
    private static let units = ["B", "kB", "MB", "GB", "TB", "PB"]

    /// `0 B`, `999 B`, `1.2 kB`, `123 GB`.
    package static func bytes(_ count: UInt64) -> String {
        var value = Double(count)
        var unit = 0
        // What would round up to 1000 is the next unit's 1.0.
        while value >= 999.5, unit < units.count - 1 {
            value /= 1_000
            unit += 1
        }
        return "\(digits(value, isWhole: unit == 0)) \(units[unit])"
    }

    /// `0.05 ms`, `1.2 ms`, `340 ms`, `12 s`, `5 min`, `3 h`, `2 d`.
    package static func time(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = Double(seconds) * 1e3 + Double(attoseconds) / 1e15
        if milliseconds < 0.095 { return "\(fixed(milliseconds, 2)) ms" }
        if milliseconds < 999.5 { return "\(digits(milliseconds, isWhole: false)) ms" }
        if milliseconds < 9_950 { return "\(fixed(milliseconds / 1_000, 1)) s" }
        return span(milliseconds / 1_000)
    }

    /// `1,234,567`.
    package static func count(_ number: UInt64) -> String {
        let digits = Array(String(number))
        return digits.indices.reduce(into: "") { text, index in
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digits[index])
        }
    }

    /// How many of all, in whole percent; 100 only when it is all, 0 only when it is none.
    ///
    /// - Returns: `nil` when there are none at all.
    package static func percent(_ part: UInt64, of whole: UInt64) -> String? {
        guard whole > 0 else { return nil }
        let exact = Double(part) / Double(whole) * 100
        if part > 0, exact < 1 { return "<1 %" }
        return "\(part < whole ? min(99, Int(exact.rounded())) : Int(exact.rounded())) %"
    }

    private static func span(_ seconds: Double) -> String {
        let steps: [(name: String, seconds: Double, most: Double)] = [
            ("s", 1, 120), ("min", 60, 7_200), ("h", 3_600, 172_800), ("d", 86_400, .infinity),
        ]
        let step = steps.first { seconds < $0.most } ?? ("d", 86_400, .infinity)
        return "\(Int(seconds / step.seconds)) \(step.name)"
    }

    /// Two digits at least, three at most.
    private static func digits(_ value: Double, isWhole: Bool) -> String {
        isWhole || value >= 9.95 ? String(Int(value.rounded())) : fixed(value, 1)
    }

    private static func fixed(_ value: Double, _ places: Int) -> String {
        String(format: "%.\(places)f", value)
    }
}
