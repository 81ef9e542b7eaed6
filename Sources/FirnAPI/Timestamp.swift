// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// An instant as bodies carry it: `2026-08-22T10:11:12Z`, to the second.
///
/// - Source: RFC 3339, section 5.6; fractions and offsets are read, and not written.
package struct Timestamp: Hashable, Sendable {
    package let date: Date

    /// Fractions of a second are dropped.
    package init(_ date: Date) {
        self.date = Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down))
    }

    package init?(parsing text: String) {
        let whole = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        guard let date = (try? whole.parse(text)) ?? (try? fractional.parse(text)) else {
            return nil
        }
        self.init(date)
    }
}

extension Timestamp: CustomStringConvertible {
    package var description: String { date.formatted(Date.ISO8601FormatStyle()) }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let instant = Timestamp(parsing: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "is not an instant of RFC 3339"
            )
        }
        self = instant
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
