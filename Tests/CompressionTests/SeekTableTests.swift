// SPDX-License-Identifier: Apache-2.0
import Compression
import Testing

@Suite struct SeekTableTests {
    typealias FormatError = SeekTable.FormatError

    @Test func frameIsFoundByAnyOfItsBytes() throws {
        let table = try SeekTable(file: file(frames: [(10, 100), (20, 50), (5, 1)]))
        #expect(table.contentSizeBytes == 151)
        #expect(table.compressedSizeBytes == 35)
        #expect(table.frame(containing: 0)?.index == 0)
        #expect(table.frame(containing: 99)?.index == 0)
        #expect(table.frame(containing: 100)?.compressed == 10..<30)
        #expect(table.frame(containing: 149)?.contents == 100..<150)
        #expect(table.frame(containing: 150)?.index == 2)
        #expect(table.frame(containing: 151) == nil)
        #expect(table.frame(containing: .max) == nil)
    }

    @Test func emptyFramesAreNeverTheAnswer() throws {
        let table = try SeekTable(
            file: file(frames: [(9, 0), (9, 4), (9, 0), (9, 0), (9, 4), (9, 0)])
        )
        #expect((0..<8).map { table.frame(containing: $0)?.index } == [1, 1, 1, 1, 4, 4, 4, 4])
    }

    @Test func checksumsOfOtherWritersArePassedOver() throws {
        let table = try SeekTable(file: file(frames: [(10, 100), (20, 50)], descriptor: 0x80))
        #expect(table.contentSizeBytes == 150)
    }

    @Test func everyTruncationIsRefused() throws {
        let whole = file(frames: [(10, 100), (20, 50)])
        for count in 0..<whole.count {
            #expect(throws: FormatError.self) { try SeekTable(file: Array(whole.prefix(count))) }
        }
    }

    @Test func tableThatClaimsMoreThanTheFileIsRefused() {
        var bytes = file(frames: [(10, 100)])
        bytes.replaceSubrange(bytes.count - 9..<bytes.count - 5, with: [0xFF, 0xFF, 0x0F, 0])
        #expect(throws: FormatError.tooShort(actualBytes: bytes.count)) {
            try SeekTable(file: bytes)
        }
    }

    @Test func absurdNumbersOfFramesAreRefused() {
        var bytes = file(frames: [(10, 100)])
        bytes.replaceSubrange(bytes.count - 9..<bytes.count - 5, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: FormatError.tooManyFrames(.max)) { try SeekTable(file: bytes) }
    }

    @Test func framesThatDoNotEndWhereTheTableBeginsAreRefused() {
        var bytes = file(frames: [(10, 100)])
        bytes.insert(0, at: 0)
        #expect(throws: FormatError.wrongTotal(framesBytes: 10, expectedBytes: 11)) {
            try SeekTable(file: bytes)
        }
        #expect(throws: FormatError.wrongTotal(framesBytes: 0xFFFF_FFFF, expectedBytes: 0)) {
            try SeekTable(file: table(frames: [(0xFFFF_FFFF, 1)]))
        }
    }

    @Test func frameThatWouldTakeTooMuchMemoryIsRefused() {
        let bytes = UInt32(SeekTable.maximumFrameContentBytes + 1)
        #expect(throws: FormatError.frameTooLarge(index: 1, contentBytes: bytes)) {
            try SeekTable(file: file(frames: [(10, 100), (10, bytes)]))
        }
    }

    @Test func reservedBitsAndWrongMagicNumbersAreRefused() {
        let good = file(frames: [(10, 100)])
        #expect(throws: FormatError.reservedBits(0x04)) {
            try SeekTable(file: file(frames: [(10, 100)], descriptor: 0x04))
        }
        #expect(throws: FormatError.notSeekable) {
            try SeekTable(file: Array(good.dropLast()) + [0])
        }
        for offset in 10..<18 {
            var bytes = good
            bytes[offset] ^= 1
            #expect(throws: FormatError.wrongHeader) { try SeekTable(file: bytes) }
        }
    }

    @Test func anyFlippedByteIsRefusedOrGivesAConsistentTable() throws {
        let good = file(frames: [(10, 100), (20, 50), (30, 7)])
        for offset in good.indices {
            for bit in 0..<8 {
                var bytes = good
                bytes[offset] ^= 1 << UInt8(bit)
                guard let table = try? SeekTable(file: bytes) else { continue }
                #expect(table.compressedSizeBytes == 60)
                #expect(table.frameCount == 3)
            }
        }
    }

    /// Frames of zeros and their table.
    private func file(frames: [(UInt32, UInt32)], descriptor: UInt8 = 0) -> [UInt8] {
        let size = frames.map { Int($0.0) }.reduce(0, +)
        return [UInt8](repeating: 0, count: size) + table(frames: frames, descriptor: descriptor)
    }

    private func table(frames: [(UInt32, UInt32)], descriptor: UInt8 = 0) -> [UInt8] {
        let checksum: [UInt8] = descriptor & 0x80 != 0 ? [1, 2, 3, 4] : []
        let entries = frames.flatMap { bytes($0.0) + bytes($0.1) + checksum }
        return bytes(0x184D_2A5E) + bytes(UInt32(entries.count + 9)) + entries
            + bytes(UInt32(frames.count)) + [descriptor] + bytes(0x8F92_EAB1)
    }

    private func bytes(_ value: UInt32) -> [UInt8] {
        [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
