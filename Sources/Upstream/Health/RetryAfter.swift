// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How long a server asks to be left alone.
///
/// - Shape: seconds, or one of the three dates of HTTP.
/// - Source: RFC 9110, sections 10.2.3 and 5.6.7.
package enum RetryAfter {
    /// Reads the header's value; `now` is the wall clock, in seconds since 1970.
    ///
    /// - Returns: `nil` when the text is neither; zero for a date that has passed.
    package static func parse(_ text: some StringProtocol, now: Int) -> Duration? {
        let text = text.trimmingCharacters(in: .whitespaces)
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // More digits than fit are a long time all the same.
            return .seconds(min(Int(text) ?? .max, 1 << 32))
        }
        return second(ofDate: text).map { .seconds(min(max($0 - now, 0), 1 << 32)) }
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
    private static func second(ofDate text: String) -> Int? {
        let words = text.split { " -,".contains($0) }.map(String.init)
        guard words.count >= 5 else { return nil }
        let isC = months.contains(words[1])
        let (day, month) = isC ? (words[2], words[1]) : (words[1], words[2])
        let (year, clock) = isC ? (words[4], words[3]) : (words[3], words[4])
        let time = clock.split(separator: ":").map { Int($0) ?? -1 }
        guard let day = Int(day), let month = months.firstIndex(of: month), var year = Int(year),
            time.count == 3, (1...31).contains(day), (0..<10_000).contains(year),
            (0..<24).contains(time[0]), (0..<60).contains(time[1]), (0...60).contains(time[2])
        else { return nil }
        if year < 100 { year += year < 70 ? 2000 : 1900 }
        let seconds = time[0] * 3600 + time[1] * 60 + time[2]
        return days(year: year, month: month + 1, day: day) * 86_400 + seconds
    }

    /// Days since 1970-01-01 of the Gregorian calendar; a year starts in March here, so that the
    /// leap day is its last.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
