// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat
import NixStore

/// A part on its way in: kept aside while it comes, and handed on when it is what was announced.
///
/// So nothing of it is unpacked before its MD5 is right, and a part that breaks off can come again.
final class PartSink: BodySink, @unchecked Sendable {
    // SAFETY: a BodySink has one task, which awaits each piece of work before the next.
    private let place: PartPlace
    private let upload: MultipartUpload
    private let named: NamedCaches
    private let spooled: SpooledPart
    private let maximumBytes: UInt64
    private var hasher = MD5Hasher()
    private var sizeBytes: UInt64 = 0
    /// Bytes that are not worth a change of threads yet.
    private var waiting: [UInt8] = []

    private static let worthwhileBytes = 256 << 10
    /// For one piece.
    private static let deadline = Duration.seconds(60)

    init(
        _ place: PartPlace,
        of upload: MultipartUpload,
        into spooled: SpooledPart,
        maximumBytes: UInt64,
        for named: NamedCaches
    ) {
        self.place = place
        self.upload = upload
        self.spooled = spooled
        self.maximumBytes = maximumBytes
        self.named = named
    }

    func write(_ piece: [UInt8]) async throws {
        waiting += piece
        if waiting.count >= Self.worthwhileBytes { try await keepWaiting() }
    }

    func finish() async throws {
        try await keepWaiting()
        guard hasher.finalize() == place.md5 else {
            throw CacheError.malformed(
                "part \(place.number) has another MD5 than was announced; send it again"
            )
        }
        try await upload.take(
            ReceivedPart(place: place, sizeBytes: sizeBytes, bytes: spooled)
        )
    }

    private func keepWaiting() async throws {
        guard !waiting.isEmpty else { return }
        let piece = waiting
        waiting.removeAll(keepingCapacity: true)
        guard sizeBytes + UInt64(piece.count) <= maximumBytes else {
            throw CacheError.tooLarge("this part has more than \(maximumBytes) bytes")
        }
        do {
            try await named.uploaders.run(deadline: Self.deadline) { [self] in try keep(piece) }
        } catch let error as CacheError {
            throw error
        } catch {
            throw CacheError(error)
        }
    }

    /// On a thread that may wait.
    private func keep(_ piece: [UInt8]) throws {
        sizeBytes += UInt64(piece.count)
        guard spooled.share.grow(to: sizeBytes) else {
            throw CacheError.noRoom("the cache has no room left in its quota for this part")
        }
        hasher.update(piece)
        try unsafe piece.withUnsafeBytes { try unsafe spooled.spool.append($0) }
    }
}
