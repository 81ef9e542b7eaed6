// SPDX-License-Identifier: Apache-2.0

extension SegmentedDelta {
    /// The next segment.
    ///
    /// - Parameters:
    ///   - target: 1 to ``maximumSegmentBytes``.
    ///   - stretches: At most ``maximumStretches``, together at most ``maximumPrefixBytes``.
    ///   - prefix: The bytes of the stretches.
    ///   - compressor: Reused from segment to segment.
    /// - Returns: All of the segment.
    /// - Throws: `CompressionError`, which no input causes.
    package static func write(
        target: [UInt8],
        against stretches: [Range<UInt64>],
        prefix: [UInt8],
        with compressor: borrowing PrefixCompressor
    ) throws(CompressionError) -> [UInt8] {
        precondition((1...maximumSegmentBytes).contains(target.count), "a segment has a bound")
        precondition(stretches.count <= maximumStretches && prefix.count <= maximumPrefixBytes)
        var head: [UInt8] = [1]
        append(UInt64(target.count), bytes: 4, to: &head)
        // The frame's length, which is known when it is made.
        let lengthPlace = head.count
        append(0, bytes: 4, to: &head)
        append(UInt64(stretches.count), bytes: 2, to: &head)
        for stretch in stretches {
            append(stretch.lowerBound, bytes: 8, to: &head)
            append(UInt64(stretch.count), bytes: 4, to: &head)
        }
        var bytes = try compressor.compress(target, prefix: prefix, behind: head)
        var length: [UInt8] = []
        append(UInt64(bytes.count - head.count), bytes: 4, to: &length)
        bytes.replaceSubrange(lengthPlace..<lengthPlace + 4, with: length)
        return bytes
    }
}

extension SegmentedDelta.Segment {
    /// The bytes of the target.
    ///
    /// - Parameters:
    ///   - prefix: The bytes of the stretches.
    ///   - unpacker: Reused from segment to segment.
    /// - Returns: As many as the segment says.
    /// - Throws: ``DeltaError/damaged`` when they do not come out.
    package func unpack(
        prefix: [UInt8],
        with unpacker: borrowing PrefixUnpacker
    ) throws(DeltaError) -> [UInt8] {
        let target = unpacker.unpack(frame, prefix: prefix, outputBytes: targetBytes)
        guard let target else { throw .damaged }
        return target
    }
}
