// SPDX-License-Identifier: Apache-2.0
import Compression
import Depot
import NixFormat

/// Unpacks and hashes a file of seekable zstd, as far as it has come.
struct NARFileCheck: ~Copyable {
    private var frames: SeekableFileCheck
    private var narHasher = SHA256Hasher()
    private var fileHasher = SHA256Hasher()

    /// How far the file was looked at.
    private(set) var fileSizeBytes: UInt64 = 0
    private(set) var narSizeBytes: UInt64 = 0
    /// Whether the table was there, with which every file ends.
    private(set) var hasEnded = false

    init() throws(CompressionError) { frames = try SeekableFileCheck() }

    var narHash: NixHash { narHasher.finalize() }
    var fileHash: NixHash { fileHasher.finalize() }

    /// Takes the frames that the bytes hold.
    ///
    /// - Parameters:
    ///   - bytes: What follows in the file; as much as there is, or ``SeekableFileCheck/maximumFrameBytes``.
    ///   - contents: Room for one frame.
    ///   - onContents: Is handed the NAR, piece by piece.
    /// - Returns: How many bytes were taken; the others have to be there again the next time.
    /// - Throws: `CompressionError`, or what `onContents` throws.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer,
        into contents: UnsafeMutableRawBufferPointer,
        onContents: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        var taken = 0
        while taken < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[taken...])
            switch try unsafe frames.take(rest, into: contents) {
            case .needsMore:
                // A table of more than half a million frames: nothing that Nix could use.
                guard rest.count < SeekableFileCheck.maximumFrameBytes else {
                    throw CompressionError.corrupted(byteOffset: fileSizeBytes)
                }
                return taken
            case .frame(let fileBytes, let contentBytes):
                let piece = unsafe UnsafeRawBufferPointer(rebasing: contents[..<contentBytes])
                unsafe narHasher.update(piece)
                narSizeBytes += UInt64(contentBytes)
                try unsafe onContents(piece)
                unsafe count(rest.prefix(fileBytes), &taken)
            case .table(let fileBytes):
                hasEnded = true
                unsafe count(rest.prefix(fileBytes), &taken)
            }
        }
        return taken
    }

    private mutating func count(_ bytes: Slice<UnsafeRawBufferPointer>, _ taken: inout Int) {
        unsafe fileHasher.update(UnsafeRawBufferPointer(rebasing: bytes))
        unsafe fileSizeBytes += UInt64(bytes.count)
        unsafe taken += bytes.count
    }
}
