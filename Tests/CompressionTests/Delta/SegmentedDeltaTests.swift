// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat
import Testing

@Suite struct SegmentedDeltaTests {
    private let base = SampleBytes.make(count: 2_900_000, seed: 3)
    private let target =
        SampleBytes.make(count: 20_000, seed: 4)
        + SampleBytes.make(count: 2_900_000, seed: 3)

    private var head: SegmentedDelta.Head {
        .init(
            baseHash: SHA256Hasher.hash(base),
            targetHash: SHA256Hasher.hash(target),
            baseSizeBytes: UInt64(base.count),
            targetSizeBytes: UInt64(target.count)
        )
    }

    /// In segments, each against two stretches.
    private func written(segmentBytes: Int = SegmentedDelta.minimumSegmentBytes) throws -> [UInt8] {
        let compressor = try PrefixCompressor()
        var bytes = SegmentedDelta.write(head)
        for start in stride(from: 0, to: target.count, by: segmentBytes) {
            let stretches: [Range<UInt64>] = [1_500_000..<2_900_000, 0..<1_500_000]
            bytes += try SegmentedDelta.write(
                target: Array(target[start..<min(start + segmentBytes, target.count)]),
                against: stretches,
                prefix: stretches.flatMap { base[Int($0.lowerBound)..<Int($0.upperBound)] },
                with: compressor
            )
        }
        return bytes + SegmentedDelta.end
    }

    private func read(
        _ bytes: [UInt8],
        pieces: Int = .max,
        as head: SegmentedDelta.Head? = nil
    ) throws -> [UInt8] {
        let unpacker = try PrefixUnpacker()
        var reader = SegmentedDeltaReader(head ?? self.head)
        var output: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let end = position + min(pieces, bytes.count - position)
            reader.take(Array(bytes[position..<end]))
            position = end
            while let segment = try reader.next() {
                let prefix = segment.stretches.flatMap {
                    base[Int($0.lowerBound)..<Int($0.upperBound)]
                }
                output += try segment.unpack(prefix: prefix, with: unpacker)
            }
        }
        try reader.finish()
        return output
    }

    @Test(arguments: [1_000, 65_536, .max])
    func whatIsWrittenIsReadInPiecesOfAnySize(_ pieces: Int) throws {
        let bytes = try written()
        #expect(try read(bytes, pieces: pieces) == target)
        #expect(bytes.count < 30_000)
    }

    @Test func everyCutIsFoundOut() throws {
        let bytes = try written()
        for count in [0, 7, 50, 88, 95, 120, bytes.count / 2, bytes.count - 1] {
            #expect(throws: DeltaError.self) { try read(Array(bytes.prefix(count))) }
        }
    }

    @Test func anotherBaseOrTargetIsRefused() throws {
        let bytes = try written()
        var other = head
        other.baseHash = SHA256Hasher.hash(target)
        #expect(throws: DeltaError.wrongDictionary) { try read(bytes, as: other) }
        other = head
        other.targetSizeBytes += 1
        #expect(throws: DeltaError.wrongTarget) { try read(bytes, as: other) }
        #expect(throws: DeltaError.notADelta) { try read([1] + bytes) }
        #expect(throws: DeltaError.malformed(byteOffset: UInt64(bytes.count))) {
            try read(bytes + [0])
        }
    }

    /// A number at each place of the first segment, above what is allowed there.
    @Test(arguments: [(89, 4), (93, 4), (97, 2), (99, 8), (107, 4)])
    func numbersBeyondTheirBoundAreRefused(_ place: Int, _ count: Int) throws {
        var bytes = try written()
        for index in place..<place + count { bytes[index] = 0xFF }
        #expect(throws: DeltaError.malformed(byteOffset: 88)) { try read(bytes) }
    }

    /// A few bytes would have the reader go through its base for each byte that it makes.
    @Test func aSegmentThatIsShortAndNotTheLastIsRefused() throws {
        let bytes = try written(segmentBytes: SegmentedDelta.minimumSegmentBytes - 1)
        #expect(throws: DeltaError.malformed(byteOffset: 88)) { try read(bytes) }
    }

    @Test func aDamagedSegmentIsFoundOutByItsChecksum() throws {
        var bytes = try written()
        bytes[bytes.count - 20] ^= 0x10
        #expect(throws: DeltaError.damaged) { try read(bytes) }
    }

    /// Its first segment cut down to fewer bytes than the target has.
    @Test func anEndThatComesTooSoonIsRefused() throws {
        let bytes = SegmentedDelta.write(head) + SegmentedDelta.end
        #expect(throws: DeltaError.wrongTarget) { try read(bytes) }
    }
}
