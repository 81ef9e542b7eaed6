// SPDX-License-Identifier: Apache-2.0

/// Which bytes of a file there are.
///
/// - Shape: Ranges in order, none of them empty, no two of which touch.
package struct RangeList: Hashable, Sendable {
    package private(set) var ranges: [Range<UInt64>] = []

    package init() {}

    package mutating func insert(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        // The first that does not end before it, and the first that begins behind it.
        let start = ranges.firstIndex { $0.upperBound >= range.lowerBound } ?? ranges.endIndex
        let end =
            ranges[start...].firstIndex { $0.lowerBound > range.upperBound } ?? ranges.endIndex
        var union = range
        if start < end {
            union =
                min(
                    range.lowerBound,
                    ranges[start].lowerBound
                )..<max(
                    range.upperBound,
                    ranges[end - 1].upperBound
                )
        }
        ranges.replaceSubrange(start..<end, with: [union])
    }

    /// What of a range is not there.
    package func gaps(in range: Range<UInt64>) -> [Range<UInt64>] {
        var gaps: [Range<UInt64>] = []
        var start = range.lowerBound
        for known in ranges where known.upperBound > start && known.lowerBound < range.upperBound {
            if known.lowerBound > start { gaps.append(start..<known.lowerBound) }
            start = known.upperBound
        }
        if start < range.upperBound { gaps.append(start..<range.upperBound) }
        return gaps
    }

    /// Takes out a range that was put in as it is.
    package mutating func remove(_ range: Range<UInt64>) {
        ranges = ranges.flatMap { known -> [Range<UInt64>] in
            guard known.overlaps(range) else { return [known] }
            return [
                known.lowerBound..<max(known.lowerBound, range.lowerBound),
                min(known.upperBound, range.upperBound)..<known.upperBound,
            ].filter { !$0.isEmpty }
        }
    }

    /// How far there are bytes from an offset on; the offset itself when there are none.
    package func end(from offset: UInt64) -> UInt64 {
        ranges.first { $0.contains(offset) }?.upperBound ?? offset
    }
}
