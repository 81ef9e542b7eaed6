// SPDX-License-Identifier: Apache-2.0

/// An amount of bytes as people write it: `5GB` is 5·10⁹ bytes, `5GiB` is 5·2³⁰.
///
/// - Shape: A whole number and a unit without a space between; the unit is never left out, so that
///   a forgotten one cannot turn gigabytes into bytes.
package struct ByteSize: Hashable, Sendable, Comparable, CustomStringConvertible {
    package enum ParseError: Error, Equatable {
        case noNumber
        case unknownUnit(String)
        case tooLarge
    }

    package let bytes: UInt64

    package init(bytes: UInt64) {
        self.bytes = bytes
    }

    package init(parsing text: some StringProtocol) throws(ParseError) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = String(text.dropFirst(digits.count))
        guard !digits.isEmpty else { throw .noNumber }
        guard let bytesPerUnit = Self.bytesPerUnit(unit) else { throw .unknownUnit(unit) }
        guard let count = UInt64(digits) else { throw .tooLarge }
        let (bytes, overflows) = count.multipliedReportingOverflow(by: bytesPerUnit)
        guard !overflows else { throw .tooLarge }
        self.bytes = bytes
    }

    /// The shortest text that means exactly as many bytes.
    package var description: String {
        for (unit, bytesPerUnit) in Self.units.reversed()
        where bytes >= bytesPerUnit && bytes.isMultiple(of: bytesPerUnit) {
            return "\(bytes / bytesPerUnit)\(unit)"
        }
        return "\(bytes)B"
    }

    package static func < (left: ByteSize, right: ByteSize) -> Bool { left.bytes < right.bytes }

    /// Ascending, decimal before binary.
    private static let units: [(name: String, bytes: UInt64)] = [
        ("B", 1),
        ("kB", 1_000), ("KiB", 1 << 10),
        ("MB", 1_000_000), ("MiB", 1 << 20),
        ("GB", 1_000_000_000), ("GiB", 1 << 30),
        ("TB", 1_000_000_000_000), ("TiB", 1 << 40),
    ]

    private static func bytesPerUnit(_ unit: String) -> UInt64? {
        let name = unit == "KB" ? "kB" : unit
        return units.first { $0.name == name }?.bytes
    }
}
