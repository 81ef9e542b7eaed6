// SPDX-License-Identifier: Apache-2.0
import Compression
import Synchronization
import Upstream

/// Decides where a delta may take longer to be made and become smaller: where whoever waits for it has
/// a link that is slower still.
///
/// One at a time, for the tables take memory.
final class DeltaEffort: Sendable {
    /// Of what is made: what is left of a rebuild is less, and nothing is to be gained from it.
    private static let leastShare = 0.02
    /// Of a smaller delta there is not enough to be gained.
    private static let leastBytes = 4 << 10
    /// Until something was measured: on a slow core.
    private static let usualBytesPerSecond = 8e6
    /// So much quicker than what is enough it has to be.
    private static let margin = 1.25
    /// What waits may take so long altogether.
    private static let longestQueue = Duration.seconds(2)

    private let isTaken = Atomic(false)
    private let waitingBytes = Atomic<Int>(0)
    private let meter = BusyMeter()

    /// While it is held, a NAR waits to be made.
    final class Place: Sendable {
        private let effort: DeltaEffort
        private let bytes: Int

        init(_ bytes: UInt64, in effort: DeltaEffort) {
            self.effort = effort
            self.bytes = Int(bytes)
            effort.waitingBytes.wrappingAdd(self.bytes, ordering: .relaxed)
        }

        deinit { effort.waitingBytes.wrappingSubtract(bytes, ordering: .relaxed) }
    }

    /// A second attempt, if there is time for one.
    ///
    /// - Parameters:
    ///   - quick: What the first one made.
    ///   - targetBytes: Of what is made.
    ///   - pace: Bytes of NARs in a second that are enough; `nil` for as fast as can be.
    ///   - make: Makes it once more.
    /// - Returns: The smaller one.
    /// - Throws: What `make` throws.
    func better(
        than quick: [UInt8],
        of targetBytes: Int,
        at pace: UInt64?,
        _ make: (borrowing PrefixCompressor) throws -> [UInt8]
    ) throws -> [UInt8] {
        guard let pace, quick.count > Self.leastBytes,
            Double(quick.count) > Double(targetBytes) * Self.leastShare
        else { return quick }
        let rate = meter.bytesPerSecond ?? Self.usualBytesPerSecond
        let waiting = Double(waitingBytes.load(ordering: .relaxed)) / rate
        guard rate >= Double(pace) * Self.margin, waiting <= Self.longestQueue / .seconds(1),
            !isTaken.exchange(true, ordering: .acquiring)
        else { return quick }
        defer { isTaken.store(false, ordering: .releasing) }
        let turn = BusyMeter.Turn(of: meter)
        let thorough = try make(PrefixCompressor(.thorough))
        turn.end(bytes: UInt64(targetBytes))
        return thorough.count < quick.count ? thorough : quick
    }
}
