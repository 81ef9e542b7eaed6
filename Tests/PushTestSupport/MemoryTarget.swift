// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore
package import Push
import Synchronization

/// A cache that is only in memory, keeps the contract, and fails when a test tells it to.
package final class MemoryTarget: PushTarget {
    package enum Call: Hashable, Sendable {
        case access
        case question(Int)
        case begin(StorePath)
        case put(Int)
        case complete(StorePath)
        case abort
    }

    private struct State {
        var calls: [Call] = []
        var visible: [StorePathHash: [UInt8]] = [:]
        var uploads: [String: [Int: [UInt8]]] = [:]
        var order: [StorePath] = []
        var holes: [StorePath] = []
        var next = 0
    }

    package let largestQuestion: Int
    private let state = Mutex(State())
    /// Throws in place of the call, or does nothing.
    private let fault: @Sendable (Call) throws -> Void

    package init(
        largestQuestion: Int = 1_000,
        fault: @escaping @Sendable (Call) throws -> Void = { _ in }
    ) {
        self.largestQuestion = largestQuestion
        self.fault = fault
    }

    package var calls: [Call] { state.withLock { $0.calls } }
    /// In the order in which they became visible.
    package var completed: [StorePath] { state.withLock { $0.order } }
    /// Paths that became visible before what they refer to.
    package var holes: [StorePath] { state.withLock { $0.holes } }
    /// Uploads that were neither completed nor let go.
    package var openUploads: Int { state.withLock { $0.uploads.count } }

    /// The compressed bytes of a path that is there.
    package func file(of hash: StorePathHash) -> [UInt8]? { state.withLock { $0.visible[hash] } }

    package func checkAccess() async throws { try note(.access) }

    package func findMissing(_ hashes: [StorePathHash]) async throws -> Set<StorePathHash> {
        try note(.question(hashes.count))
        return state.withLock { state in Set(hashes.filter { state.visible[$0] == nil }) }
    }

    package func begin(_ path: StorePath) async throws -> PushUpload {
        try note(.begin(path))
        return state.withLock { state in
            state.next += 1
            state.uploads["\(state.next)"] = [:]
            return PushUpload(name: "\(state.next)", token: "token")
        }
    }

    package func put(
        _ part: UploadPart,
        of upload: PushUpload,
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> PartReceipt {
        try note(.put(part.number))
        onBytes(part.bytes.count)
        try state.withLock { state in
            guard state.uploads[upload.name] != nil, MD5Digest.digest(of: part.bytes) == part.md5
            else { throw PushTargetError.rejected(reason: "no such upload, or another part") }
            state.uploads[upload.name]?[part.number] = part.bytes
        }
        return PartReceipt(number: part.number, entityTag: Base64.encode(part.md5))
    }

    package func complete(
        _ upload: PushUpload,
        _ path: PackedPath,
        _ receipts: [PartReceipt]
    ) async throws {
        try note(.complete(path.info.path))
        try state.withLock { state in
            guard let parts = state.uploads[upload.name],
                receipts.map(\.number) == parts.keys.sorted()
            else { throw PushTargetError.rejected(reason: "no such upload, or other parts") }
            let file = receipts.flatMap { parts[$0.number] ?? [] }
            guard SHA256Hasher.hash(file) == path.fileHash,
                UInt64(file.count) == path.fileSizeBytes
            else { throw PushTargetError.rejected(reason: "another file") }
            let own = path.info.path
            let isHole = path.info.references.contains {
                $0 != own && state.visible[$0.hash] == nil
            }
            if isHole { state.holes.append(own) }
            state.uploads[upload.name] = nil
            state.visible[own.hash] = file
            state.order.append(own)
        }
    }

    package func abort(_ upload: PushUpload) async {
        try? note(.abort)
        state.withLock { $0.uploads[upload.name] = nil }
    }

    private func note(_ call: Call) throws {
        state.withLock { $0.calls.append(call) }
        try fault(call)
    }
}
