// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat

/// Compresses whole inputs, cut into pieces that `pieceBytes` says, in turn.
func encode(
    _ input: [UInt8],
    frameSizeBytes: Int = SeekableZstdEncoder.defaultFrameSizeBytes,
    level: Int = 3,
    pieceBytes: [Int] = [Int.max]
) throws -> [UInt8] {
    var encoder = try SeekableZstdEncoder(level: level, frameSizeBytes: frameSizeBytes)
    var output: [UInt8] = []
    var rest = input[...]
    var turn = 0
    while !rest.isEmpty {
        let piece = rest.prefix(pieceBytes[turn % pieceBytes.count])
        try unsafe piece.withUnsafeBytes { try unsafe encoder.update($0, into: &output) }
        rest = rest.dropFirst(piece.count)
        turn += 1
    }
    try encoder.finish(into: &output)
    return output
}

/// Unpacks a whole input with pieces and a buffer of these sizes.
func decode(
    _ input: [UInt8],
    _ method: NARCompression,
    pieceBytes: Int = 1 << 16,
    bufferBytes: Int = 1 << 16,
    memoryLimitBytes: Int = Decompressor.defaultMemoryLimitBytes
) throws -> [UInt8] {
    var decompressor = try Decompressor(method: method, memoryLimitBytes: memoryLimitBytes)
    var buffer = [UInt8](repeating: 0, count: bufferBytes)
    var output: [UInt8] = []
    var rest = input[...]
    while !rest.isEmpty {
        let piece = rest.prefix(pieceBytes)
        let progress = try unsafe piece.withUnsafeBytes { source in
            try unsafe buffer.withUnsafeMutableBytes { target in
                try unsafe decompressor.decompress(source, into: target)
            }
        }
        output += buffer.prefix(progress.producedBytes)
        rest = rest.dropFirst(progress.consumedBytes)
    }
    while true {
        let count = try unsafe buffer.withUnsafeMutableBytes {
            try unsafe decompressor.finish(into: $0)
        }
        guard count > 0 else { return output }
        output += buffer.prefix(count)
    }
}

extension SeekableZstdReader {
    /// Reads from a file that is in memory.
    init(file: [UInt8]) throws {
        try unsafe self.init(fileSizeBytes: UInt64(file.count)) { offset, buffer in
            let bytes = file.dropFirst(Int(offset)).prefix(buffer.count)
            unsafe buffer.copyBytes(from: bytes)
            return bytes.count
        }
    }

    /// A slice of the contents.
    mutating func slice(_ offset: Int, _ count: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let got = try unsafe buffer.withUnsafeMutableBytes { bytes in
            try unsafe read(at: UInt64(offset), into: bytes)
        }
        return Array(buffer.prefix(got))
    }
}

extension SeekTable {
    /// The table of a file that is in memory.
    init(file: [UInt8]) throws {
        self = try unsafe file.withUnsafeBytes { bytes in
            try unsafe SeekTable(parsing: bytes, fileSizeBytes: UInt64(bytes.count))
        }
    }
}
