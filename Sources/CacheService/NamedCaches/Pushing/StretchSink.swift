// SPDX-License-Identifier: Apache-2.0
import Depot
import NixStore

/// Bytes of a large upload, from an offset on; what has come stays, also when the rest does not.
final class StretchSink: BodySink, @unchecked Sendable {
    // SAFETY: a BodySink has one task, which awaits each piece of work before the next.
    private let named: NamedCaches
    private let upload: LargeUpload
    private let slot: UploadSlot
    private var offset: UInt64
    private let end: UInt64
    /// Bytes that are not worth a change of threads yet.
    private var waiting: [UInt8] = []
    private var isComplete = false

    private static let worthwhileBytes = 256 << 10

    init(
        _ upload: LargeUpload,
        _ range: Range<UInt64>,
        _ slot: UploadSlot,
        of named: NamedCaches
    ) {
        self.upload = upload
        offset = range.lowerBound
        end = range.upperBound
        self.slot = slot
        self.named = named
    }

    func write(_ piece: [UInt8]) async throws {
        waiting += piece
        if waiting.count >= Self.worthwhileBytes { try await keep() }
    }

    deinit { if !isComplete { upload.settleShare() } }

    func finish() async throws {
        try await keep()
        isComplete = true
        named.check(upload)
    }

    private func keep() async throws {
        guard !waiting.isEmpty else { return }
        let piece = waiting
        waiting.removeAll(keepingCapacity: true)
        let start = offset
        offset += UInt64(piece.count)
        guard offset <= end else { throw CacheError.malformed("more bytes came than were said") }
        do {
            try await named.uploaders.run(deadline: .seconds(300)) {
                [depot = named.depot, upload] in
                try unsafe piece.withUnsafeBytes {
                    try unsafe depot.write($0, at: start, of: upload.partial)
                }
            }
        } catch is PartialGone {
            throw CacheError.notFound
        } catch {
            throw CacheError(error)
        }
    }
}
