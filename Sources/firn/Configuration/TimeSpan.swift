// SPDX-License-Identifier: Apache-2.0

/// A length of time as people write it: `30s`, `5m`, `12h`, `90d`.
///
/// - Shape: A whole number and one unit without a space between; a day is 24 hours.
package struct TimeSpan: Hashable, Sendable, Comparable, CustomStringConvertible {
    package enum ParseError: Error, Equatable {
        case noNumber
        case unknownUnit(String)
        case tooLarge
    }

    package let seconds: Int64

    package var duration: Duration { .seconds(seconds) }

    package init(seconds: Int64) {
        self.seconds = seconds
    }

    package init(parsing text: some StringProtocol) throws(ParseError) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = String(text.dropFirst(digits.count))
        guard !digits.isEmpty else { throw .noNumber }
        guard let secondsPerUnit = Self.units.first(where: { $0.name == unit })?.seconds else {
            throw .unknownUnit(unit)
        }
        guard let count = Int64(digits) else { throw .tooLarge }
        let (seconds, overflows) = count.multipliedReportingOverflow(by: secondsPerUnit)
        guard !overflows else { throw .tooLarge }
        self.seconds = seconds
    }

    /// The largest unit that expresses the time exactly.
    package var description: String {
        for (unit, secondsPerUnit) in Self.units.reversed()
        where seconds >= secondsPerUnit && seconds.isMultiple(of: secondsPerUnit) {
            return "\(seconds / secondsPerUnit)\(unit)"
        }
        return "\(seconds)s"
    }

    package static func < (left: TimeSpan, right: TimeSpan) -> Bool {
        left.seconds < right.seconds
    }

    /// Ascending.
    private static let units: [(name: String, seconds: Int64)] = [
        ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400),
    ]
}
