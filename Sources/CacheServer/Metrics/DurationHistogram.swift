// SPDX-License-Identifier: Apache-2.0

/// How long something took, sorted into fixed buckets.
///
/// The buckets are chosen when it is made, so that noting a duration is a short scan and two additions.
final class DurationHistogram: Sendable {
    /// What was noted so far; the buckets are cumulative, as Prometheus wants them.
    struct Snapshot {
        /// - Shape: one for each bound, then one for everything: how many took no longer than it.
        let cumulativeCounts: [UInt64]
        let sumNanoseconds: UInt64
        var count: UInt64 { cumulativeCounts.last ?? 0 }
    }

    /// - Shape: ascending; a duration belongs to the first bound that is not below it.
    let boundsNanoseconds: [UInt64]
    private let counts: [Counter]
    private let sum = Counter()

    init(bounds: [Duration]) {
        boundsNanoseconds = bounds.map(Self.nanoseconds)
        counts = (0...bounds.count).map { _ in Counter() }
    }

    func note(_ duration: Duration) {
        let nanoseconds = Self.nanoseconds(duration)
        var bucket = 0
        while bucket < boundsNanoseconds.count, boundsNanoseconds[bucket] < nanoseconds {
            bucket += 1
        }
        counts[bucket].add()
        sum.add(nanoseconds)
    }

    func snapshot() -> Snapshot {
        var total: UInt64 = 0
        let cumulative = counts.map { count in
            total &+= count.value
            return total
        }
        return Snapshot(cumulativeCounts: cumulative, sumNanoseconds: sum.value)
    }

    /// A clock that went backwards counts as no time; more than 292 years as that.
    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        // 10^9 is 2^9 times 5^9. Dividing 128 bits would cost more than all the rest of a note, and
        // up to two and a half hours the shifted number has 64.
        if let shifted = UInt64(exactly: duration.attoseconds >> 9) { return shifted / 1_953_125 }
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 9_000_000_000 else { return UInt64(Int64.max) }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
    }
}
