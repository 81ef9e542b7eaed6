// SPDX-License-Identifier: Apache-2.0
import Compression
import Testing

@Suite struct SeekableFileCheckTests {
    private static let contents = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 / 3 * 7) }

    private func pack(_ bytes: [UInt8], frameSize: Int = 1 << 20, level: Int = 3) throws -> [UInt8]
    {
        var encoder = try SeekableZstdEncoder(level: level, frameSizeBytes: frameSize)
        var packed: [UInt8] = []
        try unsafe bytes.withUnsafeBytes { try unsafe encoder.update($0, into: &packed) }
        try encoder.finish(into: &packed)
        return packed
    }

    /// Takes a file of which so many bytes come at a time; what it holds, and whether it has ended.
    private func take(
        _ file: [UInt8],
        _ pieceBytes: Int
    ) throws -> (contents: [UInt8], hasEnded: Bool) {
        var check = try SeekableFileCheck()
        var room = [UInt8](repeating: 0, count: SeekableFileCheck.contentBytes)
        var contents: [UInt8] = []
        var (position, end) = (0, 0)
        var hasEnded = false
        while end < file.count || position < end {
            end = min(end + pieceBytes, file.count)
            var isWaiting = false
            while !isWaiting, position < end {
                let step = try unsafe file.withUnsafeBytes { bytes in
                    try unsafe room.withUnsafeMutableBytes { room in
                        try unsafe check.take(
                            UnsafeRawBufferPointer(rebasing: bytes[position..<end]),
                            into: room
                        )
                    }
                }
                switch step {
                case .needsMore: isWaiting = true
                case .frame(let fileBytes, let contentBytes):
                    position += fileBytes
                    contents += room[..<contentBytes]
                case .table(let fileBytes):
                    position += fileBytes
                    hasEnded = true
                }
            }
            if isWaiting, end == file.count { break }
        }
        return (contents, hasEnded)
    }

    @Test(arguments: [1 << 20, 2 << 20, 4 << 20], [70_001, 8 << 20])
    func takesWhatFirnWrites(frameSize: Int, pieceBytes: Int) throws {
        for level in [1, 3, 9] {
            let file = try pack(Self.contents, frameSize: frameSize, level: level)
            let taken = try take(file, pieceBytes)
            #expect(taken.hasEnded)
            #expect(taken.contents == Self.contents)
        }
    }

    @Test func aCutFileDoesNotEnd() throws {
        let file = try pack(Self.contents)
        for count in [4, 5, 1000, file.count - 20, file.count - 9, file.count - 1] {
            #expect(try !take(Array(file[..<count]), 1 << 20).hasEnded)
        }
    }

    @Test func refusesWhateverElseUnpacks() throws {
        let file = try pack(Self.contents)
        #expect(throws: CompressionError.self) { try take(file + [0], 8 << 20) }
        #expect(throws: CompressionError.self) { try take(file + file, 8 << 20) }
        // A frame that is no frame of ours: too small in the middle, without a checksum, or damaged.
        let small = try pack(Array(Self.contents.prefix(1000)))
        let frame = Array(small.dropLast(8 + 8 + 9))
        #expect(throws: CompressionError.self) { try take(frame + frame, 8 << 20) }
        var bare = file
        bare[4] &= ~0x04
        #expect(throws: CompressionError.self) { try take(bare, 8 << 20) }
        for place in [6, 500, file.count - 30, file.count - 3] {
            var damaged = file
            damaged[place] ^= 0x10
            #expect(throws: CompressionError.self, "at \(place)") { try take(damaged, 8 << 20) }
        }
        #expect(throws: CompressionError.self) {
            try take([UInt8](repeating: 0x55, count: 10_000_000), 8 << 20)
        }
    }
}
