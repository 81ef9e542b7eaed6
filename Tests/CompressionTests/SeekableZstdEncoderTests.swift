// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat
import Testing

@Suite struct SeekableZstdEncoderTests {
    @Test(arguments: [[1 << 16], [1, 1 << 20, 77_777], [3 << 20], [999_983]])
    func outputDoesNotDependOnHowTheInputIsCut(pieceBytes: [Int]) throws {
        let input = SampleBytes.make(count: 5_000_001, seed: 1)
        let whole = try encode(input, frameSizeBytes: 1 << 20)
        #expect(try encode(input, frameSizeBytes: 1 << 20, pieceBytes: pieceBytes) == whole)
    }

    @Test(arguments: [0, 1, 4096, 1 << 20, (1 << 20) + 1, 3 << 20])
    func theZstdCommandReadsWhatIsWritten(count: Int) throws {
        let input = SampleBytes.make(count: count, seed: 2)
        let file = try encode(input, frameSizeBytes: 1 << 20)
        #expect(try RealCommand.output("zstd", "-d", "-c", input: file) == input)
        #expect(try RealCommand.run("zstd", "-t", input: file).status == 0)
    }

    @Test(arguments: [1 << 20, 2 << 20, 4 << 20])
    func framesHoldWhatTheTableSays(frameSizeBytes: Int) throws {
        let input = SampleBytes.make(count: 9_000_000, seed: 3)
        let file = try encode(input, frameSizeBytes: frameSizeBytes)
        let table = try SeekTable(file: file)
        #expect(table.frameCount == (input.count + frameSizeBytes - 1) / frameSizeBytes)
        for index in 0..<table.frameCount {
            let frame = table[index]
            let isLast = index == table.frameCount - 1
            #expect(isLast || frame.contents.count == frameSizeBytes)
            // Each frame alone is a whole file to any reader of zstd.
            let packed = file[Int(frame.compressed.lowerBound)..<Int(frame.compressed.upperBound)]
            let contents = input[Int(frame.contents.lowerBound)..<Int(frame.contents.upperBound)]
            #expect(try decode(Array(packed), .zstd) == Array(contents))
        }
    }

    @Test func aFrameDependsOnItsContentsAlone() throws {
        let input = SampleBytes.make(count: 3_500_000, seed: 6)
        let file = try encode(input, frameSizeBytes: 1 << 20)
        let table = try SeekTable(file: file)
        for index in 0..<table.frameCount {
            let frame = table[index]
            let contents = input[Int(frame.contents.lowerBound)..<Int(frame.contents.upperBound)]
            let alone = try encode(Array(contents), frameSizeBytes: 1 << 20)
            let packed = file[Int(frame.compressed.lowerBound)..<Int(frame.compressed.upperBound)]
            #expect(alone.starts(with: packed))
        }
    }

    @Test func framesBearTheirSizeAndAChecksum() throws {
        let file = try encode(SampleBytes.make(count: 3 << 20, seed: 4))
        // Frame header descriptor (RFC 8878, 3.1.1.1.1): bit 5 is single segment, which implies a
        // content size; bit 2 is the checksum.
        #expect(file[4] & 0b0010_0100 == 0b0010_0100)
    }

    @Test func noInputGivesOnlyATable() throws {
        let file = try encode([])
        #expect(
            file == [0x5E, 0x2A, 0x4D, 0x18, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0xB1, 0xEA, 0x92, 0x8F]
        )
        #expect(try SeekTable(file: file).contentSizeBytes == 0)
        #expect(try decode(file, .zstd) == [])
    }

    @Test(arguments: [0, 23, -1])
    func levelsThatZstdDoesNotHaveAreRefused(level: Int) {
        #expect(throws: CompressionError.levelOutOfRange(level, allowed: 1...22)) {
            _ = try SeekableZstdEncoder(level: level)
        }
    }

    @Test(arguments: [0, (1 << 20) - 1, (4 << 20) + 1, -5])
    func frameSizesOutsideOfTheFormatAreRefused(bytes: Int) {
        let allowed = SeekableZstdEncoder.frameSizesBytes
        #expect(throws: CompressionError.frameSizeOutOfRange(bytes: bytes, allowed: allowed)) {
            _ = try SeekableZstdEncoder(frameSizeBytes: bytes)
        }
    }

    @Test func outputStaysWithinOnePercentAndAHalfOfOneFrame() throws {
        let input = SampleBytes.make(count: 8 << 20, seed: 5)
        let ours = try encode(input)
        let command = try RealCommand.output("zstd", "-3", "-c", input: input)
        #expect(Double(ours.count) < Double(command.count) * 1.015)
    }
}
