// SPDX-License-Identifier: Apache-2.0
import Depot

extension NARUpload {
    /// In one go on a thread: some tenths of a second of unpacking.
    private static let stretchBytes: UInt64 = 8 << 20
    private static let pieceBytes = 256 << 10

    /// Takes the next part; its room goes over to the upload before it is needed there.
    func write(_ part: SpooledPart) async throws {
        share.absorb(part.share)
        let end = part.spool.sizeBytes
        var offset: UInt64 = 0
        while offset < end {
            let stretch = offset..<min(end, offset + Self.stretchBytes)
            try await work { try $0.take(stretch, of: part.spool) }
            offset = stretch.upperBound
        }
    }

    /// On a thread that may wait.
    private func take(_ stretch: Range<UInt64>, of spool: Spool) throws {
        var buffer = [UInt8](repeating: 0, count: Self.pieceBytes)
        var offset = stretch.lowerBound
        while offset < stretch.upperBound {
            let wanted = Int(min(UInt64(Self.pieceBytes), stretch.upperBound - offset))
            let count = try unsafe buffer.withUnsafeMutableBytes { bytes in
                try unsafe spool.read(at: offset, into: .init(rebasing: bytes[..<wanted]))
            }
            guard count > 0 else { throw LostSpool() }
            try take(Array(buffer[..<count]))
            offset += UInt64(count)
        }
    }
}

/// Bytes that were kept aside cannot be read any more.
struct LostSpool: Error, CustomStringConvertible {
    var description: String { "a part that was kept aside cannot be read any more" }
}
