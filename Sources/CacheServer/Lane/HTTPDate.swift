// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// The current time as HTTP writes it, made once a second.
///
/// - Source: RFC 9110, section 5.6.7 (IMF-fixdate).
package final class HTTPDate: Sendable {
    static let shared = HTTPDate()

    private let last = Mutex<(second: Int, text: String)>((0, ""))

    var now: String {
        let second = time(nil)
        return last.withLock { last in
            if last.second != second { last = (second, Self.text(of: second)) }
            return last.text
        }
    }

    package static func text(of second: Int) -> String {
        var time = time_t(second)
        var parts = unsafe tm()
        unsafe gmtime_r(&time, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let clock = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec].map(twoDigits)
        let (day, month, year) = unsafe (parts.tm_mday, parts.tm_mon, parts.tm_year)
        let date = "\(twoDigits(day)) \(months[Int(month)]) \(year + 1900)"
        let weekday = unsafe days[Int(parts.tm_wday)]
        return "\(weekday), \(date) \(clock.joined(separator: ":")) GMT"
    }

    private static func twoDigits(_ number: Int32) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
