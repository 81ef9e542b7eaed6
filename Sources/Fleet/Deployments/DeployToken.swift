// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// The name of one deploy of one host; no two deploys share one, whatever they deploy.
///
/// - Shape: `20261130T190500Z-` and 16 hexadecimal digits: the start in UTC, so that names sort by
///   age, and 64 random bits.
package struct DeployToken: Hashable, Sendable {
    private let text: String

    /// The text is not one.
    package struct ParseError: Error, Hashable, Sendable {}

    package init(parsing text: some StringProtocol) throws(ParseError) {
        let bytes = Array(text.utf8)
        guard bytes.count == 33 else { throw ParseError() }
        for (place, byte) in bytes.enumerated() {
            let isRight =
                switch place {
                case 8: byte == UInt8(ascii: "T")
                case 15: byte == UInt8(ascii: "Z")
                case 16: byte == UInt8(ascii: "-")
                case 0...14: Self.isDigit(byte)
                default: Self.isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")) ~= byte
                }
            guard isRight else { throw ParseError() }
        }
        self.text = String(text)
    }

    /// A new one for a deploy that starts at `start`.
    package init(start: Date, random: UInt64 = .random(in: .min ... .max)) {
        let stamp = start.formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: false)
                .dateSeparator(.omitted).timeSeparator(.omitted)
        )
        let digits = String(random, radix: 16)
        text = "\(stamp.prefix(15))Z-" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

extension DeployToken: CustomStringConvertible, Comparable {
    package var description: String { text }

    package static func < (left: DeployToken, right: DeployToken) -> Bool {
        left.text < right.text
    }
}
