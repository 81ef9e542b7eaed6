// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import Synchronization

/// How one NAR gets to a cache by an upload in parts.
struct PathUpload: Sendable {
    /// How often an upload is begun that the cache loses again.
    private static let mostBeginnings = 4

    let target: any PushTarget
    let packer: Packer
    let retry: Retry
    let onEvent: @Sendable (PushEvent) -> Void

    /// Reads, packs and sends a NAR.
    ///
    /// What has arrived earlier is not sent again. A cache that finds something wrong with the whole
    /// may have been given two halves that do not fit, so that all of it is sent once more.
    func send(_ info: PathInfo) async throws -> StagedPath {
        var beginnings = 0
        while true {
            let upload = try await begin(info)
            beginnings += 1
            let isLast = beginnings == Self.mostBeginnings
            do {
                if let staged = try await send(info, upload) { return staged }
                if isLast {
                    throw PushTargetError.rejected(reason: "the cache loses what it is sent")
                }
            } catch PushTargetError.lost where !isLast {
                continue
            } catch PushTargetError.rejected where !isLast && !upload.arrived.isEmpty {
                continue
            } catch {
                if !mayGoOn(after: error) { await target.abort(upload) }
                throw error
            }
        }
    }

    /// Lets go of what will not be committed; an upload that can go on is kept for the next push.
    func release(_ staged: StagedPath) async {
        guard !target.limits.resumesUploads, let upload = staged.upload else { return }
        await target.abort(upload)
    }

    private func mayGoOn(after error: any Error) -> Bool {
        guard target.limits.resumesUploads else { return false }
        return switch error {
        case PushTargetError.unreachable, PushTargetError.busy, PushTargetError.refused,
            is CancellationError:
            true
        default: false
        }
    }

    private func begin(_ info: PathInfo) async throws -> PushUpload {
        try await retry.run { try await target.begin(info, encoder: packer.encoder) }
    }

    /// - Returns: `nil` when the cache lacks some of what was sent.
    private func send(_ info: PathInfo, _ upload: PushUpload) async throws -> StagedPath? {
        guard !upload.isComplete else {
            let size = upload.arrived.last?.upperBound ?? 0
            let packed = PackedPath(info: info, fileHash: nil, fileSizeBytes: size)
            return StagedPath(packed, by: .upload(upload, receipts: []))
        }
        let (packed, receipts) =
            Packer.isSmall(info)
            ? try await sendSmall(info, upload) : try await sendLarge(info, upload)
        let isWhole = try await retry.run {
            try await target.finish(upload, fileSizeBytes: packed.fileSizeBytes)
        }
        return isWhole ? StagedPath(packed, by: .upload(upload, receipts: receipts)) : nil
    }

    private func sendSmall(
        _ info: PathInfo,
        _ upload: PushUpload
    ) async throws -> (PackedPath, [PartReceipt]) {
        let cost = Packer.cost(ofSmall: info)
        try await packer.budget.take(cost)
        defer { packer.budget.giveBack(cost) }
        let small = try await packer.packSmall(info)
        onEvent(.read(info.path, narBytes: Int(info.narSizeBytes)))
        let part = UploadPart(
            number: 1,
            offsetBytes: 0,
            bytes: small.bytes,
            hasMD5: packer.hashesFiles
        )
        return (small.packed, [try await put(part, of: upload, info)])
    }

    private func sendLarge(
        _ info: PathInfo,
        _ upload: PushUpload
    ) async throws -> (PackedPath, [PartReceipt]) {
        let pack = LargePack(
            packer: packer,
            info: info,
            send: { try await put($0, of: upload, info) },
            onRead: { onEvent(.read(info.path, narBytes: $0)) }
        )
        return try await pack.run()
    }

    /// Sends what the cache does not have of a part, as often as it takes.
    private func put(
        _ part: UploadPart,
        of upload: PushUpload,
        _ info: PathInfo
    ) async throws -> PartReceipt {
        let hasFailed = Mutex(false)
        return try await retry.run {
            // What arrived before a connection broke need not travel again.
            let asks = hasFailed.withLock { $0 } && target.limits.resumesUploads
            let current = asks ? try await target.begin(info, encoder: packer.encoder) : upload
            guard current.name == upload.name else {
                throw PushTargetError.lost(reason: "the cache has begun another upload")
            }
            guard !current.isComplete else { return PartReceipt(number: part.number) }
            do {
                return try await putMissing(part, of: current, info.path)
            } catch {
                hasFailed.withLock { $0 = true }
                throw error
            }
        }
    }

    private func putMissing(
        _ part: UploadPart,
        of upload: PushUpload,
        _ path: StorePath
    ) async throws -> PartReceipt {
        var receipt = PartReceipt(number: part.number)
        for stretch in upload.missing(of: part.stretch) {
            receipt = try await putOnce(piece(stretch, of: part), of: upload, path)
        }
        return receipt
    }

    private func piece(_ stretch: Range<UInt64>, of part: UploadPart) -> UploadPart {
        guard stretch != part.stretch else { return part }
        let start = Int(stretch.lowerBound - part.offsetBytes)
        return UploadPart(
            number: part.number,
            offsetBytes: stretch.lowerBound,
            bytes: Array(part.bytes[start..<start + stretch.count]),
            hasMD5: packer.hashesFiles
        )
    }

    private func putOnce(
        _ part: UploadPart,
        of upload: PushUpload,
        _ path: StorePath
    ) async throws -> PartReceipt {
        try await SendCounter(path: path, onEvent: onEvent).run { count in
            try await target.put(part, of: upload, onBytes: count)
        }
    }
}
