// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// Whatever is read as a delta keeps its bounds, and is the same in pieces of any size.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDelta(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    // The first byte says how large the pieces are.
    guard let first = bytes.first else { return 0 }
    let head = SegmentedDelta.Head(
        baseHash: SHA256Hasher.hash([1]),
        targetHash: SHA256Hasher.hash([2]),
        baseSizeBytes: 1 << 24,
        targetSizeBytes: 1 << 20
    )
    // So that what is behind the head is reached.
    let delta = SegmentedDelta.write(head) + bytes.dropFirst()
    let (segments, failure) = read(delta, head, pieceBytes: .max)
    let (again, failureAgain) = read(delta, head, pieceBytes: Int(first) + 1)
    precondition(segments == again && (failure == nil) == (failureAgain == nil))
    var targetBytes = 0
    for segment in segments {
        targetBytes += segment.targetBytes
        precondition(segment.stretches.count <= SegmentedDelta.maximumStretches)
        let prefixBytes = segment.stretches.reduce(0) { $0 + $1.count }
        precondition(prefixBytes <= SegmentedDelta.maximumPrefixBytes)
        precondition(segment.stretches.allSatisfy { $0.upperBound <= head.baseSizeBytes })
    }
    precondition(targetBytes <= 1 << 20)
    precondition(failure != nil || targetBytes == 1 << 20)
    _ = read(Array(bytes.dropFirst()), head, pieceBytes: .max)
    return 0
}

private func read(
    _ bytes: [UInt8],
    _ head: SegmentedDelta.Head,
    pieceBytes: Int
) -> ([SegmentedDelta.Segment], DeltaError?) {
    var reader = SegmentedDeltaReader(head)
    var segments: [SegmentedDelta.Segment] = []
    var position = 0
    do throws(DeltaError) {
        while position < bytes.count {
            let end = position + min(pieceBytes, bytes.count - position)
            reader.take(Array(bytes[position..<end]))
            position = end
            while let segment = try reader.next() { segments.append(segment) }
        }
        try reader.finish()
        return (segments, nil)
    } catch {
        return (segments, error)
    }
}
