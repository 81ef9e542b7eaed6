// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Foundation
import NIOHTTP1
import Push

extension WebSession.Answer {
    /// What an answer other than a success means for a push.
    func pushError(of server: String) -> PushTargetError {
        switch status {
        case 408, 425, 429, 500...599:
            .busy(reason: phrase(of: server), retryAfter: retryAfter)
        default: .rejected(reason: phrase(of: server))
        }
    }

    /// `SERVER answered STATUS: WHY`, as far as it says why.
    func phrase(of server: String) -> String {
        let complaint = try? FirnJSON.parse(body, as: CachixBodies.Complaint.self).error
        let first = complaint.map { Array($0.utf8) } ?? body
        let line = first.prefix(200).prefix { $0 != 0x0A && $0 != 0x0D }
        let text = String(decoding: line.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
        return "\(server) answered \(status)" + (text.isEmpty ? "" : ": \(text)")
    }

    /// How long the server asks to be left alone, by its header or by its body.
    private var retryAfter: Duration? {
        if let text = headers.first(name: "Retry-After") {
            if let seconds = Double(text), seconds >= 0 { return .seconds(min(seconds, 1e6)) }
            if let date = Self.dates.date(from: text) {
                return .seconds(max(0, min(date.timeIntervalSinceNow, 1e6)))
            }
        }
        guard let patience = try? FirnJSON.parse(body, as: CachixBodies.Patience.self),
            patience.retryAfterSeconds >= 0
        else { return nil }
        return .seconds(min(patience.retryAfterSeconds, 1e6))
    }

    /// - Source: RFC 9110, section 5.6.7, the form that is sent.
    private static var dates: DateFormatter {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter
    }
}
