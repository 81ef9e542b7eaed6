// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat
import NixStore
import Push

/// A path that is a file whose bytes do not compress, with its NAR in seekable zstd.
struct Sample: Sendable {
    static let encoder = "a test's"

    let info: PathInfo
    let file: [UInt8]

    /// The same for the same numbers.
    init(number: Int, sizeBytes: Int, references: [StorePath] = []) throws {
        var state = UInt64(number) &* 0x9E37_79B9_7F4A_7C15 &+ 1
        let contents = (0..<sizeBytes).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        let nar = FolderStore.nar(contents)
        info = PathInfo(
            id: Int64(number),
            path: try FolderStore.path(number),
            narHash: SHA256Hasher.hash(nar),
            narSizeBytes: UInt64(nar.count),
            references: references
        )
        var encoder = try SeekableZstdEncoder(level: 3)
        var bytes: [UInt8] = []
        try unsafe nar.withUnsafeBytes { try unsafe encoder.update($0, into: &bytes) }
        try encoder.finish(into: &bytes)
        file = bytes
    }

    func packed(hashed: Bool) -> PackedPath {
        PackedPath(
            info: info,
            fileHash: hashed ? SHA256Hasher.hash(file) : nil,
            fileSizeBytes: UInt64(file.count)
        )
    }

    func parts(of partBytes: Int, hashed: Bool) -> [UploadPart] {
        stride(from: 0, to: file.count, by: partBytes).enumerated().map { place, start in
            UploadPart(
                number: place + 1,
                offsetBytes: UInt64(start),
                bytes: Array(file[start..<min(start + partBytes, file.count)]),
                hasMD5: hashed
            )
        }
    }

    func put(
        to target: any PushTarget,
        _ upload: PushUpload,
        partBytes: Int = 8 << 20,
        reversed: Bool = false
    ) async throws -> [PartReceipt] {
        let parts = parts(of: partBytes, hashed: target.limits.wantsFileHashes)
        var receipts: [PartReceipt] = []
        for part in reversed ? parts.reversed() : parts {
            receipts.append(try await target.put(part, of: upload) { _ in })
        }
        return receipts.sorted { $0.number < $1.number }
    }

    /// All but the commit.
    func upload(
        to target: any PushTarget,
        _ begun: PushUpload? = nil,
        partBytes: Int = 8 << 20,
        reversed: Bool = false
    ) async throws -> StagedPath {
        var upload = begun
        if upload == nil { upload = try await target.begin(info, encoder: Self.encoder) }
        guard let upload else { preconditionFailure("it was begun") }
        let receipts = try await put(
            to: target,
            upload,
            partBytes: partBytes,
            reversed: reversed
        )
        guard try await target.finish(upload, fileSizeBytes: UInt64(file.count)) else {
            throw PushTargetError.rejected(reason: "the cache lacks what it was sent")
        }
        return StagedPath(
            packed(hashed: target.limits.wantsFileHashes),
            by: .upload(upload, receipts: receipts)
        )
    }
}
