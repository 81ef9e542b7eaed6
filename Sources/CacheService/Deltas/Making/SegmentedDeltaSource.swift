// SPDX-License-Identifier: Apache-2.0
import Compression
import Depot
import NixFormat
import NixStore
import Synchronization

/// A large delta that is made while it is sent: a segment is made when the one before it has been
/// taken, so that a slow client keeps no thread and no more than one segment in memory.
///
/// The end comes only when all of the target was read and found to be right.
final class SegmentedDeltaSource: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, and that one waits for each segment to be made:
    // nothing touches these fields at the same time.
    private let target: LocalNAR
    private let base: LocalNAR
    private let stretches: StretchReader
    private let plan: SegmentPlan
    private let maker: DeltaMaker
    private let permit: OpenStreams.Permit
    private let pace: UInt64?
    private var pending: PendingDelta?
    private var reader: (any ByteSource)?
    private var compressor: PrefixCompressor?
    private var position: UInt64 = 0
    private var ready: ArraySlice<UInt8> = []
    private var isOver = false

    private static let segmentLimit = Duration.seconds(120)

    init(
        _ target: LocalNAR,
        _ base: LocalNAR,
        _ plan: SegmentPlan,
        into pending: PendingDelta?,
        at pace: UInt64?,
        by maker: DeltaMaker,
        holding permit: OpenStreams.Permit
    ) {
        self.target = target
        self.base = base
        stretches = StretchReader(base)
        self.plan = plan
        self.pending = pending
        self.pace = pace
        self.maker = maker
        self.permit = permit
    }

    var mayWait: Bool { true }

    func ready() async throws {
        guard ready.isEmpty, !isOver else { return }
        do {
            ready = try await maker.threads.run(deadline: Self.segmentLimit) { [self] in
                try produce()
            }[...]
        } catch {
            throw CacheError(reading: error)
        }
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, ready.count)
        guard count > 0 else { return 0 }
        unsafe ready.prefix(count).withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
        ready.removeFirst(count)
        return count
    }

    /// The head, or the next segment, or the end.
    private func produce() throws -> [UInt8] {
        ThreadPriority.lower(isWaitedFor: true)
        let began = ContinuousClock.now
        let bytes = try reader == nil ? begin() : nextSegment()
        maker.counters.noteWork(bytes: bytes.count, in: began.duration(to: .now))
        if let pending, try !pending.append(bytes) { self.pending = nil }
        if isOver {
            maker.counters.made.wrappingAdd(1, ordering: .relaxed)
            try pending?.commit()
        }
        return bytes
    }

    private func begin() throws -> [UInt8] {
        reader = try target.open()
        compressor = try PrefixCompressor()
        return SegmentedDelta.write(
            .init(
                baseHash: base.narHash,
                targetHash: target.narHash,
                baseSizeBytes: base.sizeBytes,
                targetSizeBytes: target.sizeBytes
            )
        )
    }

    private func nextSegment() throws -> [UInt8] {
        guard let reader, compressor != nil else { return [] }
        let bytes = try LocalNAR.read(reader, SegmentedDelta.maximumSegmentBytes)
        guard !bytes.isEmpty else {
            guard position == target.sizeBytes else {
                throw ShortNAR(readBytes: position, expectedBytes: target.sizeBytes)
            }
            isOver = true
            return SegmentedDelta.end
        }
        let range = position..<position + UInt64(bytes.count)
        position = range.upperBound
        let wanted = plan.stretches(for: range)
        let prefix = try stretches.read(wanted)
        guard let segment = try compressed(bytes, wanted, prefix) else { return [] }
        return segment
    }

    private func compressed(
        _ bytes: [UInt8],
        _ stretches: [Range<UInt64>],
        _ prefix: [UInt8]
    ) throws -> [UInt8]? {
        guard let compressor = compressor.take() else { return nil }
        let make = { (compressor: borrowing PrefixCompressor) in
            try SegmentedDelta.write(
                target: bytes,
                against: stretches,
                prefix: prefix,
                with: compressor
            )
        }
        let segment = try make(compressor)
        self.compressor = consume compressor
        return try maker.effort.better(than: segment, of: bytes.count, at: pace, make)
    }
}
