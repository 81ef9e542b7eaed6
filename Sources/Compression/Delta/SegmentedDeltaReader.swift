// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Takes a ``SegmentedDelta`` apart as it arrives; every number in it is held against its bound before
/// anything is kept for it.
///
/// Usage: ``take(_:)`` each piece that arrives, then ``next()`` until it gives `nil`; at the end of
/// the input ``finish()``. After an error the reader must not be used again.
package struct SegmentedDeltaReader: ~Copyable, Sendable {
    private let head: SegmentedDelta.Head
    private var buffer: [UInt8] = []
    private var start = 0
    private var offset: UInt64 = 0
    private var hasHead = false
    private var isOver = false
    private var targetLeft: UInt64

    /// `head` is what the delta has to be about.
    package init(_ head: SegmentedDelta.Head) {
        self.head = head
        targetLeft = head.targetSizeBytes
    }

    /// Adds bytes that have arrived.
    package mutating func take(_ bytes: [UInt8]) {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer += bytes
    }

    /// The next segment, when all of it has arrived.
    package mutating func next() throws(DeltaError) -> SegmentedDelta.Segment? {
        if !hasHead { try readHead() }
        guard hasHead, let kind = buffer[start...].first else { return nil }
        guard !isOver else { throw .malformed(byteOffset: offset) }
        switch kind {
        case 0:
            guard targetLeft == 0 else { throw .wrongTarget }
            skip(1)
            isOver = true
            guard start == buffer.count else { throw .malformed(byteOffset: offset) }
            return nil
        case 1: return try readSegment()
        default: throw .malformed(byteOffset: offset)
        }
    }

    /// Says that nothing more arrives.
    ///
    /// - Throws: ``DeltaError/truncated(byteOffset:)`` when the delta is not complete.
    package mutating func finish() throws(DeltaError) {
        guard isOver else { throw .truncated(byteOffset: offset + UInt64(buffer.count - start)) }
    }

    private mutating func readHead() throws(DeltaError) {
        let there = buffer[start...].prefix(SegmentedDelta.magic.count)
        guard there.elementsEqual(SegmentedDelta.magic.prefix(there.count)) else {
            throw .notADelta
        }
        guard buffer.count - start >= SegmentedDelta.headBytes else { return }
        let at = start + SegmentedDelta.magic.count
        guard buffer[at..<at + 32].elementsEqual(head.baseHash.digest),
            number(at: at + 64, bytes: 8) == head.baseSizeBytes
        else { throw .wrongDictionary }
        guard buffer[at + 32..<at + 64].elementsEqual(head.targetHash.digest),
            number(at: at + 72, bytes: 8) == head.targetSizeBytes
        else { throw .wrongTarget }
        skip(SegmentedDelta.headBytes)
        hasHead = true
    }

    private mutating func readSegment() throws(DeltaError) -> SegmentedDelta.Segment? {
        let fixedBytes = 11
        guard buffer.count - start >= fixedBytes else { return nil }
        let targetBytes = Int(number(at: start + 1, bytes: 4))
        let frameBytes = Int(number(at: start + 5, bytes: 4))
        let stretchCount = Int(number(at: start + 9, bytes: 2))
        guard (1...SegmentedDelta.maximumSegmentBytes).contains(targetBytes),
            UInt64(targetBytes) <= targetLeft,
            targetBytes >= min(UInt64(SegmentedDelta.minimumSegmentBytes), targetLeft),
            (1...SegmentedDelta.maximumFrameBytes).contains(frameBytes),
            stretchCount <= SegmentedDelta.maximumStretches
        else { throw .malformed(byteOffset: offset) }
        let whole = fixedBytes + stretchCount * 12 + frameBytes
        guard buffer.count - start >= whole else { return nil }
        var stretches: [Range<UInt64>] = []
        var prefixBytes: UInt64 = 0
        for index in 0..<stretchCount {
            let at = start + fixedBytes + index * 12
            let lower = number(at: at, bytes: 8)
            let count = number(at: at + 8, bytes: 4)
            prefixBytes += count
            guard count > 0, lower <= head.baseSizeBytes, count <= head.baseSizeBytes - lower,
                prefixBytes <= UInt64(SegmentedDelta.maximumPrefixBytes)
            else { throw .malformed(byteOffset: offset) }
            stretches.append(lower..<lower + count)
        }
        let frame = buffer[(start + whole - frameBytes)..<(start + whole)]
        skip(whole)
        targetLeft -= UInt64(targetBytes)
        return .init(targetBytes: targetBytes, stretches: stretches, frame: frame)
    }

    private mutating func skip(_ count: Int) {
        start += count
        offset += UInt64(count)
    }

    private func number(at index: Int, bytes count: Int) -> UInt64 {
        (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(buffer[index + $1]) }
    }
}
