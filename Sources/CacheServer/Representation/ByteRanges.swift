// SPDX-License-Identifier: Apache-2.0

/// What a `Range` field asks of a body whose size is known.
///
/// - Source: RFC 9110, sections 14.1 and 14.2.
package enum ByteRanges: Equatable, Sendable {
    /// No range, an unknown unit, a malformed field or too many ranges: the whole body, status 200.
    case whole
    /// At least one range can be met, in the order asked for; status 206.
    case parts([Range<UInt64>])
    /// The field is well-formed and none of its ranges can be met; status 416.
    case unsatisfiable

    /// More than this many ranges is an attack or a mistake, and the field is ignored.
    ///
    /// - Source: RFC 9110, section 14.2 lets a server ignore ranges that are small, many or overlap.
    package static let maximumParts = 16

    package init(field: String?, sizeBytes: UInt64) {
        guard let field, let specs = Self.specs(of: field) else {
            self = .whole
            return
        }
        var parts: [Range<UInt64>] = []
        for spec in specs {
            guard let spec = Self.parse(spec) else {
                self = .whole
                return
            }
            if let part = spec.resolve(sizeBytes: sizeBytes) { parts.append(part) }
        }
        if parts.isEmpty {
            self = .unsatisfiable
        } else if parts.count > Self.maximumParts || Self.addUp(parts, toMoreThan: sizeBytes) {
            self = .whole
        } else {
            self = .parts(parts)
        }
    }

    /// Overlapping ranges would send the same bytes again and again.
    private static func addUp(_ parts: [Range<UInt64>], toMoreThan sizeBytes: UInt64) -> Bool {
        var leftBytes = sizeBytes
        for part in parts {
            let partBytes = part.upperBound - part.lowerBound
            guard partBytes <= leftBytes else { return true }
            leftBytes -= partBytes
        }
        return false
    }

    private enum Spec {
        case from(UInt64, through: UInt64?)
        case last(UInt64)

        func resolve(sizeBytes: UInt64) -> Range<UInt64>? {
            switch self {
            case .from(let first, let last):
                guard first < sizeBytes else { return nil }
                return first..<min(last ?? (sizeBytes - 1), sizeBytes - 1) + 1
            case .last(let count):
                guard count > 0, sizeBytes > 0 else { return nil }
                return (sizeBytes - min(count, sizeBytes))..<sizeBytes
            }
        }
    }

    private static func specs(of field: String) -> [Substring]? {
        guard let equals = field.firstIndex(of: "="),
            field[..<equals].lowercased() == "bytes"
        else { return nil }
        return field[field.index(after: equals)...]
            .split(separator: ",", omittingEmptySubsequences: false)
    }

    private static func parse(_ text: Substring) -> Spec? {
        var spec = text.drop { $0 == " " || $0 == "\t" }
        while spec.last == " " || spec.last == "\t" { spec = spec.dropLast() }
        let halves = spec.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        switch (halves[0].isEmpty, halves[1].isEmpty) {
        case (true, true): return nil
        case (true, false): return number(halves[1]).map(Spec.last)
        case (false, true): return number(halves[0]).map { .from($0, through: nil) }
        case (false, false):
            guard let first = number(halves[0]), let last = number(halves[1]), first <= last else {
                return nil
            }
            return .from(first, through: last)
        }
    }

    /// Digits only; what is larger than 64 bits counts as the largest.
    private static func number(_ text: Substring) -> UInt64? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return UInt64(text) ?? .max
    }
}
