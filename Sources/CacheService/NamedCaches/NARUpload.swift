// SPDX-License-Identifier: Apache-2.0
import Caches
import Compression
import Depot
import NixFormat
import NixStore
import Synchronization

/// A NAR on its way in: unpacked, hashed and packed into the depot's form while it comes.
final class NARUpload: BodySink, @unchecked Sendable {
    // SAFETY: a BodySink has one task, which awaits each piece of work before the next.
    private let key: StagedNARs.Key
    /// What the sender has said of it, as far as that is known before it comes.
    private let expectedFileHash: NixHash?
    private let named: NamedCaches
    private let maximumNARBytes: UInt64?
    private let pending: PendingUpload
    private let share: QuotaShare
    /// Given back with the upload.
    private let slot: UploadSlot

    private var decompressor: Decompressor
    /// `nil` for a NAR that is kept as it is.
    private var encoder: SeekableZstdEncoder?
    private var fileHasher = SHA256Hasher()
    private var narHasher = SHA256Hasher()
    private var fileSizeBytes: UInt64 = 0
    private var narSizeBytes: UInt64 = 0
    private var unpacked = [UInt8](repeating: 0, count: 256 << 10)
    private var packed: [UInt8] = []
    /// Bytes that are not worth a change of threads yet.
    private var waiting: [UInt8] = []

    private static let worthwhileBytes = 256 << 10
    /// Enough for `xz -9`, and for all that Nix sends; there may be many at once.
    private static let windowLimitBytes = 96 << 20
    /// For one piece; threads are not given back before.
    private static let deadline = Duration.seconds(300)

    init(
        _ key: StagedNARs.Key,
        to cache: NamedCache,
        packedWith compression: NARCompression,
        expecting fileHash: NixHash?,
        into pending: PendingUpload,
        _ share: QuotaShare,
        _ slot: UploadSlot,
        for named: NamedCaches
    ) throws {
        self.key = key
        expectedFileHash = fileHash
        self.named = named
        maximumNARBytes = cache.settings.maximumNARBytes
        self.pending = pending
        self.share = share
        self.slot = slot
        decompressor = try Decompressor(
            method: compression,
            memoryLimitBytes: Self.windowLimitBytes
        )
        switch pending.form {
        case .identity: encoder = nil
        case .zstd: encoder = try SeekableZstdEncoder()
        }
    }

    func write(_ piece: [UInt8]) async throws {
        waiting += piece
        if waiting.count >= Self.worthwhileBytes { try await takeWaiting() }
    }

    func finish() async throws {
        try await takeWaiting()
        let fileHash = try await work { try $0.complete() }
        named.staged.insert(
            StagedNAR(
                upload: pending,
                share: share,
                fileHash: fileHash,
                fileSizeBytes: fileSizeBytes,
                narHash: narHasher.finalize(),
                narSizeBytes: narSizeBytes
            ),
            for: key
        )
    }

    private func takeWaiting() async throws {
        guard !waiting.isEmpty else { return }
        let piece = waiting
        waiting.removeAll(keepingCapacity: true)
        try await work { try $0.take(piece) }
    }

    private func work<Value: Sendable>(
        _ body: @escaping @Sendable (NARUpload) throws -> Value
    ) async throws -> Value {
        do {
            return try await named.uploaders.run(deadline: Self.deadline) { [self] in try body(self)
            }
        } catch let error as CacheError {
            throw error
        } catch let error as CompressionError {
            throw CacheError.refused("\(key.name) does not unpack: \(error)")
        } catch {
            throw CacheError(error)
        }
    }

    // MARK: On a thread that may wait

    private func take(_ piece: [UInt8]) throws {
        fileHasher.update(piece)
        fileSizeBytes += UInt64(piece.count)
        var rest = piece[...]
        while !rest.isEmpty {
            let progress = try unsafe rest.withUnsafeBytes { input in
                try unsafe unpacked.withUnsafeMutableBytes { room in
                    try unsafe decompressor.decompress(input, into: room)
                }
            }
            rest.removeFirst(progress.consumedBytes)
            try pack(progress.producedBytes)
        }
    }

    /// - Returns: The hash of the file.
    private func complete() throws -> NixHash {
        while true {
            let count = try unsafe unpacked.withUnsafeMutableBytes {
                try unsafe decompressor.finish(into: $0)
            }
            guard count > 0 else { break }
            try pack(count)
        }
        let fileHash = fileHasher.finalize()
        guard fileHash == expectedFileHash ?? fileHash else {
            throw CacheError.refused(
                "\(key.name) is not what its name says: its hash is \(fileHash.digestText(.nix32))"
            )
        }
        packed.removeAll(keepingCapacity: true)
        try encoder?.finish(into: &packed)
        try store()
        try pending.complete()
        _ = share.set(pending.sizeBytes)
        return fileHash
    }

    private func pack(_ count: Int) throws {
        guard count > 0 else { return }
        narSizeBytes += UInt64(count)
        if let maximumNARBytes, narSizeBytes > maximumNARBytes {
            throw CacheError.tooLarge(
                "cache \(key.cache) takes NARs of up to \(maximumNARBytes) bytes (max-nar-size)"
            )
        }
        packed.removeAll(keepingCapacity: true)
        try unsafe unpacked.withUnsafeBytes { bytes in
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
            unsafe narHasher.update(piece)
            if encoder != nil {
                try unsafe encoder?.update(piece, into: &packed)
            } else {
                unsafe packed.append(contentsOf: piece)
            }
        }
        try store()
    }

    private func store() throws {
        guard !packed.isEmpty else { return }
        guard share.grow(to: pending.sizeBytes + UInt64(packed.count)) else {
            throw CacheError.noRoom("cache \(key.cache) has no room left in its quota for this NAR")
        }
        try unsafe packed.withUnsafeBytes { try unsafe pending.write($0) }
    }
}
