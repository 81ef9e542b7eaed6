// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import Synchronization

/// How one path gets to a cache: its bytes first, then its narinfo.
struct PathUpload: Sendable {
    /// A path whose bytes are there and which nobody sees yet.
    struct Sent: Sendable {
        let upload: PushUpload
        let packed: PackedPath
        let receipts: [PartReceipt]
    }

    let target: any PushTarget
    let packer: Packer
    let retry: Retry
    let onEvent: @Sendable (PushEvent) -> Void

    /// Reads, packs and sends a path.
    func send(_ info: PathInfo) async throws -> Sent {
        Packer.isSmall(info) ? try await sendSmall(info) : try await sendLarge(info)
    }

    /// Makes a path visible whose references are.
    func complete(_ sent: Sent) async throws {
        do {
            try await retry.run {
                try await target.complete(sent.upload, sent.packed, sent.receipts)
            }
        } catch PushTargetError.rejected(let reason) {
            // An answer that was lost on its way may have been a yes.
            let hash = sent.packed.info.path.hash
            let missing = try await retry.run { try await target.findMissing([hash]) }
            guard missing.isEmpty else {
                await target.abort(sent.upload)
                throw PushTargetError.rejected(reason: reason)
            }
        }
    }

    private func sendSmall(_ info: PathInfo) async throws -> Sent {
        let cost = Packer.cost(ofSmall: info)
        try await packer.budget.take(cost)
        defer { packer.budget.giveBack(cost) }
        let (packed, part) = try await packer.packSmall(info)
        onEvent(.read(info.path, narBytes: Int(info.narSizeBytes)))
        let upload = try await retry.run { try await target.begin(info.path) }
        return try await releasing(upload) {
            let receipt = try await put(part, of: upload, info.path)
            return Sent(upload: upload, packed: packed, receipts: [receipt])
        }
    }

    private func sendLarge(_ info: PathInfo) async throws -> Sent {
        let upload = try await retry.run { try await target.begin(info.path) }
        return try await releasing(upload) {
            let pack = LargePack(
                packer: packer,
                info: info,
                send: { try await put($0, of: upload, info.path) },
                onRead: { onEvent(.read(info.path, narBytes: $0)) }
            )
            let (packed, receipts) = try await pack.run()
            return Sent(upload: upload, packed: packed, receipts: receipts)
        }
    }

    private func put(
        _ part: UploadPart,
        of upload: PushUpload,
        _ path: StorePath
    ) async throws -> PartReceipt {
        try await retry.run {
            let counted = Mutex(0)
            do {
                return try await target.put(part, of: upload) { bytes in
                    counted.withLock { $0 += bytes }
                    onEvent(.sent(path, fileBytes: bytes))
                }
            } catch {
                // They will leave again.
                onEvent(.sent(path, fileBytes: -counted.withLock { $0 }))
                throw error
            }
        }
    }

    /// Lets go of the upload when the body fails.
    private func releasing(
        _ upload: PushUpload,
        _ body: () async throws -> Sent
    ) async throws -> Sent {
        do {
            return try await body()
        } catch {
            await target.abort(upload)
            throw error
        }
    }
}
