// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

extension Packer {
    private static let digestStepBytes = 1 << 20

    /// SHA-256 of these bytes and the NAR, one after the other.
    ///
    /// The NAR is verified like one that is sent: its last bytes are not had before its hash is right.
    func digest(
        of info: PathInfo,
        after nonce: [UInt8],
        onRead: @escaping @Sendable (Int) -> Void
    ) async throws -> [UInt8] {
        let bytes = Int(min(info.narSizeBytes, UInt64(Self.digestStepBytes)))
        try await budget.take(bytes)
        defer { budget.giveBack(bytes) }
        let reader = try await run { [store] in try store.openNAR(info, range: nil) }
        let digest = RunningDigest(nonce)
        let buffer = FrameBuffer(byteCount: bytes)
        while true {
            // A step at a time, so that a large NAR does not keep a thread from the others.
            try await run {
                try unsafe buffer.fill { try unsafe reader.fill($0) }
                unsafe buffer.withBytes { unsafe digest.update($0) }
            }
            guard buffer.count > 0 else { return digest.value }
            onRead(buffer.count)
        }
    }
}

/// A digest that several pieces of work add to.
///
// SAFETY: each piece of work is waited for before the next.
private final class RunningDigest: @unchecked Sendable {
    private var hasher = SHA256Hasher()

    init(_ nonce: [UInt8]) {
        hasher.update(nonce)
    }

    func update(_ bytes: UnsafeRawBufferPointer) { unsafe hasher.update(bytes) }

    var value: [UInt8] { hasher.finalize().digest }
}
