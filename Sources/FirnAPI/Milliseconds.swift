// SPDX-License-Identifier: Apache-2.0

/// A length of time as bodies carry it: a number of milliseconds, exact to the microsecond.
package struct Milliseconds: Hashable, Sendable {
    package let duration: Duration

    package init(_ duration: Duration) {
        self.duration = duration
    }
}

extension Milliseconds: Codable {
    /// Hundred years: far beyond any report, and far below what would overflow.
    private static let longest = 3_153_600_000_000.0

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let number = try container.decode(Double.self)
        guard (0...Self.longest).contains(number) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "out of range")
        }
        duration = .microseconds(Int64((number * 1_000).rounded()))
    }

    package func encode(to encoder: any Encoder) throws {
        let (seconds, attoseconds) = duration.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        var container = encoder.singleValueContainer()
        try container.encode(Double(microseconds) / 1_000)
    }
}
