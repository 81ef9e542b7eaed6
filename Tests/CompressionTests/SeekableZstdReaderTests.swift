// SPDX-License-Identifier: Apache-2.0
import Compression
import Testing

@Suite struct SeekableZstdReaderTests {
    private let contents = SampleBytes.make(count: 5_500_000, seed: 7)

    @Test(arguments: [UInt64(11), 12, 13])
    func anySliceIsThatOfTheContents(seed: UInt64) throws {
        var reader = try SeekableZstdReader(file: try encode(contents, frameSizeBytes: 1 << 20))
        #expect(reader.sizeBytes == UInt64(contents.count))
        var random = SplitMix(state: seed)
        for _ in 0..<40 {
            let offset = Int.random(in: 0...contents.count, using: &random)
            let count = Int.random(in: 0...3_000_000, using: &random)
            let expected = Array(contents.dropFirst(offset).prefix(count))
            #expect(
                try reader.slice(offset, count) == expected,
                "seed \(seed): \(offset), \(count)"
            )
        }
    }

    @Test func readingOnUnpacksEachFrameOnce() throws {
        let file = try encode(contents, frameSizeBytes: 1 << 20)
        let reads = ReadCount()
        var reader = try unsafe SeekableZstdReader(fileSizeBytes: UInt64(file.count)) {
            offset,
            buffer in
            reads.add()
            unsafe buffer.copyBytes(from: file.dropFirst(Int(offset)).prefix(buffer.count))
            return buffer.count
        }
        var output: [UInt8] = []
        while true {
            let piece = try reader.slice(output.count, 100_000)
            guard !piece.isEmpty else { break }
            output += piece
        }
        #expect(output == contents)
        #expect(reads.value == reader.table.frameCount + 2)
    }

    @Test func flippedBytesAreNeverHandedOut() throws {
        let good = try encode(Array(contents.prefix(1_200_000)), frameSizeBytes: 1 << 20)
        let size = Int(try SeekTable(file: good).compressedSizeBytes)
        var random = SplitMix(state: 17)
        for _ in 0..<60 {
            var file = good
            file[Int.random(in: 0..<size, using: &random)] ^= 1 << UInt8.random(in: 0..<8)
            var reader = try SeekableZstdReader(file: file)
            // Some bits of zstd mean nothing; what comes is either the contents or an error.
            let output = try? reader.slice(0, 1_200_000)
            #expect(output == nil || output == Array(contents.prefix(1_200_000)))
        }
    }

    @Test func frameThatHoldsLessThanTheTableSaysIsRefused() throws {
        var file = try encode(Array(contents.prefix(1000)))
        let size = Int(try SeekTable(file: file).compressedSizeBytes)
        file[size + 12] ^= 1  // The entry's decompressed size.
        var reader = try SeekableZstdReader(file: file)
        #expect(throws: CompressionError.corrupted(byteOffset: 0)) { try reader.slice(0, 2000) }
    }

    @Test func hugeClaimedFrameIsRefusedWithoutItsMemory() throws {
        // One frame that claims 4 GiB of file, in a file that is said to be so large.
        let entry: [UInt8] = [0xEF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0]
        let table: [UInt8] =
            [0x5E, 0x2A, 0x4D, 0x18, 17, 0, 0, 0] + entry + [1, 0, 0, 0, 0, 0xB1, 0xEA, 0x92, 0x8F]
        let size = UInt64(0xFFFF_FFEF) + UInt64(table.count)
        var reader = try unsafe SeekableZstdReader(fileSizeBytes: size) { offset, buffer in
            guard offset >= 0xFFFF_FFEF else { return 0 }
            unsafe buffer.copyBytes(from: table.suffix(buffer.count))
            return buffer.count
        }
        #expect(throws: CompressionError.corrupted(byteOffset: 0)) { try reader.slice(0, 1) }
    }

    @Test func ordinaryZstdIsNotSeekable() throws {
        let file = try RealCommand.output("zstd", "-c", input: [1, 2, 3])
        #expect(throws: SeekTable.FormatError.notSeekable) {
            _ = try SeekableZstdReader(file: file)
        }
    }

    private final class ReadCount: @unchecked Sendable {
        // SAFETY: the reader calls its closure on the one thread that reads.
        private(set) var value = 0
        func add() { value += 1 }
    }
}
