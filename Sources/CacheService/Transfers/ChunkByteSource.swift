// SPDX-License-Identifier: Apache-2.0

/// Bytes from afar that nobody else wants: a part of a file that is not being fetched.
final class ChunkByteSource: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches these fields.
    private let chunks: any ChunkSource
    private var remainingBytes: UInt64
    private var chunk: ArraySlice<UInt8> = []

    init(_ chunks: any ChunkSource, sizeBytes: UInt64) {
        self.chunks = chunks
        remainingBytes = sizeBytes
    }

    var mayWait: Bool { true }

    func ready() async throws {
        guard chunk.isEmpty, remainingBytes > 0 else { return }
        do throws(TransferFailure) {
            chunk = try await chunks.next()?[...] ?? []
        } catch {
            throw CacheError(error)
        }
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = Int(min(UInt64(min(buffer.count, chunk.count)), remainingBytes))
        guard count > 0 else { return 0 }
        unsafe chunk.prefix(count).withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
        chunk.removeFirst(count)
        remainingBytes -= UInt64(count)
        return count
    }
}
