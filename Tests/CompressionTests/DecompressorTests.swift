// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat
import Testing

/// A method, and how the real command makes it.
struct PackedBy: Sendable, CustomTestStringConvertible {
    let method: NARCompression
    let command: String
    let arguments: [String]

    var testDescription: String { ([command] + arguments).joined(separator: " ") }

    func pack(_ input: [UInt8]) throws -> [UInt8] {
        try RealCommand.output([command] + arguments, input: input)
    }

    static let all = [
        PackedBy(method: .zstd, command: "zstd", arguments: ["-3", "-c"]),
        PackedBy(method: .zstd, command: "zstd", arguments: ["-1", "--long=27", "-c"]),
        PackedBy(method: .xz, command: "xz", arguments: ["-1", "-c"]),
        PackedBy(method: .xz, command: "xz", arguments: ["-0", "--block-size=300KiB", "-c"]),
        PackedBy(method: .xz, command: "xz", arguments: ["-0", "--check=sha256", "-c"]),
        PackedBy(method: .bzip2, command: "bzip2", arguments: ["-1", "-c"]),
        PackedBy(method: .bzip2, command: "bzip2", arguments: ["-9", "-c"]),
        PackedBy(method: .none, command: "cat", arguments: []),
    ]

    /// One of each method that has a structure.
    static let structured = [all[0], all[2], all[5]]
}

@Suite struct DecompressorTests {
    private static let sample = SampleBytes.make(count: 1_000_000, seed: 21)

    @Test(arguments: PackedBy.all)
    func whatTheCommandPackedIsUnpacked(_ packer: PackedBy) throws {
        for input in [[], [7], Self.sample] {
            #expect(try decode(packer.pack(input), packer.method) == input)
        }
    }

    @Test(arguments: PackedBy.all)
    func anySizeOfPiecesAndBuffersWorks(_ packer: PackedBy) throws {
        let input = Array(Self.sample.prefix(40_000))
        let packed = try packer.pack(input)
        for (piece, buffer) in [(1, 1 << 16), (1 << 16, 1), (7, 13), (1 << 20, 1 << 20)] {
            let output = try decode(
                packed,
                packer.method,
                pieceBytes: piece,
                bufferBytes: buffer
            )
            #expect(output == input, "pieces of \(piece), buffer of \(buffer)")
        }
    }

    @Test(arguments: PackedBy.structured)
    func concatenatedStreamsAreUnpackedInTurn(_ packer: PackedBy) throws {
        let parts = try packer.pack([1, 2, 3]) + packer.pack([]) + packer.pack([4])
        #expect(try decode(parts, packer.method) == [1, 2, 3, 4])
        #expect(try decode(parts, packer.method, pieceBytes: 1, bufferBytes: 1) == [1, 2, 3, 4])
    }

    @Test(arguments: PackedBy.structured)
    func everyTruncationIsAnError(_ packer: PackedBy) throws {
        let packed = try packer.pack(Array(Self.sample.prefix(3000)))
        for count in stride(from: 0, to: packed.count, by: 7) {
            #expect(throws: CompressionError.truncated(byteOffset: UInt64(count))) {
                try decode(Array(packed.prefix(count)), packer.method)
            }
        }
    }

    @Test(arguments: PackedBy.structured)
    func garbageIsAnErrorInFrontAndBehind(_ packer: PackedBy) throws {
        let garbage = Array("this is no stream at all".utf8)
        #expect(throws: CompressionError.self) { try decode(garbage, packer.method) }
        let packed = try packer.pack([1, 2, 3])
        #expect(throws: CompressionError.self) { try decode(packed + garbage, packer.method) }
    }

    @Test(arguments: PackedBy.structured)
    func flippedBitsGiveTheContentsOrAnError(_ packer: PackedBy) throws {
        let input = Array(Self.sample.prefix(20_000))
        // The command's zstd has checksums too when it packs files and not when told otherwise.
        let packed = try packer.pack(input)
        var random = SplitMix(state: 23)
        for _ in 0..<200 {
            var damaged = packed
            damaged[Int.random(in: 0..<packed.count, using: &random)] ^=
                1 << UInt8.random(in: 0..<8)
            let output = try? decode(damaged, packer.method)
            #expect(output == nil || output == input)
        }
    }

    @Test func skippableFramesGiveNothing() throws {
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 9, 9, 9]
        let packed = try skippable + PackedBy.all[0].pack([5]) + skippable
        #expect(try decode(packed, .zstd) == [5])
        #expect(try decode(packed, .zstd, pieceBytes: 1, bufferBytes: 1) == [5])
    }

    @Test(arguments: [
        ("zstd", ["--ultra", "-20", "--long=29", "-c"], NARCompression.zstd),
        ("xz", ["-9", "-c"], NARCompression.xz),
    ])
    func streamsThatWantTooMuchMemoryAreRefused(
        command: String,
        arguments: [String],
        method: NARCompression
    ) throws {
        let packed = try RealCommand.output([command] + arguments, input: [1])
        // From a pipe the size is unknown, so the window is the one that was asked for.
        let limit = 8 << 20
        let error = #expect(throws: CompressionError.self) {
            try decode(packed, method, memoryLimitBytes: limit)
        }
        guard case .memoryLimitExceeded(limit, _) = error else {
            Issue.record("unexpected: \(String(describing: error))")
            return
        }
    }

    @Test func aBombComesOutInPiecesOfTheBuffer() throws {
        let bomb = try RealCommand.output(
            "zstd",
            "-c",
            input: [UInt8](repeating: 0, count: 64 << 20)
        )
        var decompressor = try Decompressor(method: .zstd)
        var buffer = [UInt8](repeating: 1, count: 4096)
        let progress = try unsafe bomb.withUnsafeBytes { source in
            try unsafe buffer.withUnsafeMutableBytes { target in
                try unsafe decompressor.decompress(source, into: target)
            }
        }
        #expect(progress.producedBytes == 4096)
    }

    @Test(arguments: NARCompression.allNamed)
    func methodsWithoutADecoderAreNamed(method: NARCompression) throws {
        if [.none, .zstd, .xz, .bzip2].contains(method) {
            _ = try Decompressor(method: method)
        } else {
            #expect(throws: CompressionError.unsupported(method)) {
                _ = try Decompressor(method: method)
            }
        }
    }
}
