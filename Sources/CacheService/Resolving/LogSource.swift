// SPDX-License-Identifier: Apache-2.0
import Compression
import NixStore

/// A log that is unpacked while it is sent.
///
/// A log that ends in the middle of its compression, as that of a running build does, ends with an
/// error: what came before must not pass for the whole.
///
// SAFETY: one thread at a time calls `fill`, which is ``ByteSource``'s contract, and nothing else
// touches the variables.
final class LogSource: ByteSource, @unchecked Sendable {
    private static let pieceBytes = 64 << 10

    private let file: OpenFile
    private var decompressor: Decompressor
    private var piece = [UInt8](repeating: 0, count: pieceBytes)
    /// What of `piece` was read and not yet unpacked.
    private var pending = 0..<0
    private var fileOffset: UInt64 = 0

    init(unpacking log: BuildLog) throws {
        file = log.file
        decompressor = try Decompressor(method: log.compression)
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filledBytes = 0
        while filledBytes < buffer.count {
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filledBytes...])
            if try pending.isEmpty && !readPiece() {
                let count = try unsafe decompressor.finish(into: room)
                if count == 0 { break }
                filledBytes += count
            } else {
                filledBytes += try unsafe unpackPending(into: room)
            }
        }
        return filledBytes
    }

    private func unpackPending(into room: UnsafeMutableRawBufferPointer) throws -> Int {
        let progress = try unsafe piece.withUnsafeBytes { bytes in
            try unsafe decompressor.decompress(
                UnsafeRawBufferPointer(rebasing: bytes[pending]),
                into: room
            )
        }
        pending = (pending.lowerBound + progress.consumedBytes)..<pending.upperBound
        return progress.producedBytes
    }

    /// - Returns: False at the end of the file.
    private func readPiece() throws -> Bool {
        let count = try unsafe piece.withUnsafeMutableBytes { bytes in
            try unsafe file.read(at: fileOffset, into: bytes)
        }
        fileOffset += UInt64(count)
        pending = 0..<count
        return count > 0
    }
}
