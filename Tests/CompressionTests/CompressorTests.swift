// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat
import Testing

@Suite struct CompressorTests {
    private static let sample = SampleBytes.make(count: 3_000_000, seed: 22)
    private static let commands: [NARCompression: [String]] = [
        .none: ["cat"], .zstd: ["zstd", "-d", "-c"], .xz: ["xz", "-d", "-c"],
        .bzip2: ["bzip2", "-d", "-c"],
    ]

    @Test(arguments: [NARCompression.none, .zstd, .xz, .bzip2])
    func theCommandUnpacksWhatWasPacked(_ method: NARCompression) throws {
        #expect(Compressor.knows(method))
        let command = try #require(Self.commands[method])
        for input in [[], [7], Self.sample] {
            for pieceBytes in [1 << 16, 1 << 22] {
                let packed = try pack(input, method, pieceBytes: pieceBytes)
                #expect(try RealCommand.output(command, input: packed) == input)
            }
        }
    }

    @Test(arguments: NARCompression.allNamed)
    func whatIsNotKnownIsRefused(_ method: NARCompression) {
        guard !Compressor.knows(method) else { return }
        #expect(throws: CompressionError.unsupported(method)) { try Compressor(method: method) }
    }

    @Test func aStreamWithoutItsEndIsNoStream() throws {
        let compressor = try Compressor(method: .xz)
        var packed: [UInt8] = []
        try unsafe Self.sample.withUnsafeBytes { try unsafe compressor.update($0, into: &packed) }
        #expect(throws: CompressionError.self) { try decode(packed, .xz) }
    }

    private func pack(
        _ input: [UInt8],
        _ method: NARCompression,
        pieceBytes: Int
    ) throws -> [UInt8] {
        let compressor = try Compressor(method: method)
        var packed: [UInt8] = []
        for start in stride(from: 0, to: input.count, by: pieceBytes) {
            let piece = input[start..<min(start + pieceBytes, input.count)]
            try unsafe piece.withUnsafeBytes { try unsafe compressor.update($0, into: &packed) }
        }
        try compressor.finish(into: &packed)
        return packed
    }
}
