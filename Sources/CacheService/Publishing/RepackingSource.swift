// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat

/// A NAR packed in some form while it is read, and kept nowhere.
///
/// The reader verifies: it throws in place of an end that is not right, and the stream then never
/// gets its own end.
final class RepackingSource: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches these fields.
    private let reader: any ByteSource
    private let compressor: Compressor
    /// What stays open or admitted as long as this is read.
    private let lease: (any Sendable)?
    private var input = [UInt8](repeating: 0, count: 256 << 10)
    private var packed = Packed()
    private var isFinished = false

    init(
        _ reader: any ByteSource,
        as method: NARCompression,
        holding lease: (any Sendable)? = nil
    ) throws {
        self.reader = reader
        self.lease = lease
        compressor = try Compressor(method: method)
    }

    var mayWait: Bool { reader.mayWait }

    func ready() async throws { try await reader.ready() }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try unsafe packed.fill(buffer) { try produce(into: &$0) }
    }

    private func produce(into output: inout [UInt8]) throws -> Bool {
        guard !isFinished else { return false }
        let count = try unsafe input.withUnsafeMutableBytes { try unsafe reader.fill($0) }
        guard count > 0 else {
            try compressor.finish(into: &output)
            isFinished = true
            return true
        }
        try unsafe input[..<count].withUnsafeBytes {
            try unsafe compressor.update($0, into: &output)
        }
        return true
    }
}

/// A NAR that nobody has verified yet: it ends only when size and hash are right.
final class HashedSource: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches these fields.
    private let reader: any ByteSource
    private let narHash: NixHash
    private let narSizeBytes: UInt64
    private var hasher = SHA256Hasher()
    private var readBytes: UInt64 = 0

    init(_ reader: any ByteSource, narHash: NixHash, narSizeBytes: UInt64) {
        self.reader = reader
        self.narHash = narHash
        self.narSizeBytes = narSizeBytes
    }

    var mayWait: Bool { reader.mayWait }

    func ready() async throws { try await reader.ready() }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try unsafe reader.fill(buffer)
        guard count == 0 else {
            readBytes += UInt64(count)
            unsafe hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            return count
        }
        guard readBytes == narSizeBytes else {
            throw ShortNAR(readBytes: readBytes, expectedBytes: narSizeBytes)
        }
        let hash = hasher.finalize()
        guard hash == narHash else { throw NARMismatch(expected: narHash, actual: hash) }
        return 0
    }
}
