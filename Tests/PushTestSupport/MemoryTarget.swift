// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore
package import Push
import Synchronization

/// A cache that is only in memory, keeps the contract, and fails when a test tells it to.
package final class MemoryTarget: PushTarget {
    package enum Call: Hashable, Sendable {
        case access
        case question(Int)
        case bundle([StorePath])
        case prove([StorePath])
        case begin(StorePath)
        case put(Int, bytes: Int)
        case finish
        case commit([StorePath])
        case abort
    }

    /// Limits like those of a cache that takes one path at a time.
    package static let oneByOne = PushLimits(questionPaths: 1_000)
    /// Limits like those of a cache that takes many at once.
    package static let together = PushLimits(
        questionPaths: 1_000,
        bundle: .init(fileBytes: 1 << 20, paths: 50, requestsAtATime: 2),
        commitPaths: 20,
        commitsAtATime: 2,
        resumesUploads: true,
        wantsFileHashes: false
    )

    private struct Upload {
        var path: StorePath
        var encoder: String
        var pieces: [UInt64: [UInt8]] = [:]

        /// In order; those that touch are one.
        var arrived: [Range<UInt64>] {
            var stretches: [Range<UInt64>] = []
            for (offset, piece) in pieces.sorted(by: { $0.key < $1.key }) {
                let stretch = offset..<offset + UInt64(piece.count)
                if let last = stretches.last, last.upperBound >= offset {
                    let end = max(last.upperBound, stretch.upperBound)
                    stretches[stretches.count - 1] = last.lowerBound..<end
                } else {
                    stretches.append(stretch)
                }
            }
            return stretches
        }

        /// From the start, as far as there is no hole.
        var bytes: [UInt8] {
            var bytes: [UInt8] = []
            for (offset, piece) in pieces.sorted(by: { $0.key < $1.key }) {
                guard offset <= bytes.count else { break }
                bytes += piece.dropFirst(bytes.count - Int(offset))
            }
            return bytes
        }
    }

    private struct State {
        var calls: [Call] = []
        var visible: [StorePathHash: [UInt8]] = [:]
        var uploads: [String: Upload] = [:]
        var staged: [StorePathHash: [UInt8]] = [:]
        var order: [StorePath] = []
        var holes: [StorePath] = []
        var next = 0
    }

    package let limits: PushLimits
    /// What is answered in place of `send` for some of what is missing.
    private let needs: [StorePathHash: PushNeed]
    private let state = Mutex(State())
    /// Throws in place of the call, or does nothing.
    private let fault: @Sendable (Call) throws -> Void
    /// Throws after the call did what it does, or does nothing.
    private let afterwards: @Sendable (Call) throws -> Void
    /// Whether an upload that could not be finished is gone.
    private let losesWhatItRejects: Bool
    /// Answers in place of committing a path, or `nil`.
    private let verdict: @Sendable (StorePath) -> PushCommit?

    package init(
        _ limits: PushLimits = oneByOne,
        needs: [StorePathHash: PushNeed] = [:],
        losesWhatItRejects: Bool = false,
        fault: @escaping @Sendable (Call) throws -> Void = { _ in },
        afterwards: @escaping @Sendable (Call) throws -> Void = { _ in },
        verdict: @escaping @Sendable (StorePath) -> PushCommit? = { _ in nil }
    ) {
        self.limits = limits
        self.needs = needs
        self.losesWhatItRejects = losesWhatItRejects
        self.verdict = verdict
        self.afterwards = afterwards
        self.fault = fault
    }

    package var calls: [Call] { state.withLock { $0.calls } }
    /// In the order in which they became visible.
    package var completed: [StorePath] { state.withLock { $0.order } }
    /// Paths that were to become visible before what they refer to.
    package var holes: [StorePath] { state.withLock { $0.holes } }
    /// Uploads that were neither committed nor let go.
    package var openUploads: Int { state.withLock { $0.uploads.count } }

    /// The compressed bytes of a path that is there.
    package func file(of hash: StorePathHash) -> [UInt8]? { state.withLock { $0.visible[hash] } }

    /// What has arrived of all uploads, without what was sent twice.
    package var arrivedBytes: Int {
        state.withLock { state in
            state.uploads.values.reduce(0) { sum, upload in
                sum + upload.pieces.values.reduce(0) { $0 + $1.count }
            }
        }
    }

    package func checkAccess() async throws { try note(.access) }

    package func findNeeds(of paths: [PathInfo]) async throws -> [StorePathHash: PushNeed] {
        try note(.question(paths.count))
        let missing = state.withLock { state in
            paths.map(\.path.hash).filter { state.visible[$0] == nil }
        }
        return Dictionary(uniqueKeysWithValues: missing.map { ($0, needs[$0] ?? .send) })
    }

    package func send(
        _ bundle: [SmallNAR],
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> [String?] {
        try note(.bundle(bundle.map(\.packed.info.path)))
        state.withLock { state in
            for nar in bundle { state.staged[nar.packed.info.path.hash] = nar.bytes }
        }
        onBytes(bundle.reduce(0) { $0 + $1.bytes.count })
        return bundle.map { _ in nil }
    }

    package func prove(_ proofs: [PushProof]) async throws -> [String?] {
        try note(.prove(proofs.map(\.info.path)))
        return state.withLock { state in
            proofs.map { proof in
                guard needs[proof.info.path.hash] == .prove(nonce: proof.nonce) else {
                    return "nobody asked"
                }
                state.staged[proof.info.path.hash] = proof.digest
                return nil
            }
        }
    }

    package func begin(_ info: PathInfo, encoder: String) async throws -> PushUpload {
        try note(.begin(info.path))
        return state.withLock { state in
            let known = state.uploads.first {
                limits.resumesUploads && $0.value.path == info.path && $0.value.encoder == encoder
            }
            if let known {
                return PushUpload(name: known.key, arrived: known.value.arrived)
            }
            state.next += 1
            state.uploads["\(state.next)"] = Upload(path: info.path, encoder: encoder)
            return PushUpload(name: "\(state.next)", token: "token")
        }
    }

    package func put(
        _ part: UploadPart,
        of upload: PushUpload,
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> PartReceipt {
        try note(.put(part.number, bytes: part.bytes.count))
        onBytes(part.bytes.count)
        try state.withLock { state in
            guard state.uploads[upload.name] != nil else {
                throw PushTargetError.lost(reason: "no such upload")
            }
            guard part.md5.isEmpty != limits.wantsFileHashes else {
                throw PushTargetError.rejected(reason: "no MD5, or one that nobody wants")
            }
            state.uploads[upload.name]?.pieces[part.offsetBytes] = part.bytes
        }
        try afterwards(.put(part.number, bytes: part.bytes.count))
        return PartReceipt(number: part.number, entityTag: Base64.encode(part.md5))
    }

    package func finish(_ upload: PushUpload, fileSizeBytes: UInt64) async throws -> Bool {
        do {
            try note(.finish)
        } catch {
            if losesWhatItRejects { state.withLock { $0.uploads[upload.name] = nil } }
            throw error
        }
        return try state.withLock { state in
            guard let file = state.uploads[upload.name] else {
                throw PushTargetError.lost(reason: "no such upload")
            }
            return file.bytes.count == fileSizeBytes
        }
    }

    package func commit(_ paths: [StagedPath]) async throws -> [PushCommit] {
        try note(.commit(paths.map(\.info.path)))
        return state.withLock { state in paths.map { commit($0, &state) } }
    }

    private func commit(_ path: StagedPath, _ state: inout State) -> PushCommit {
        let own = path.info.path
        if let answer = verdict(own) {
            if answer == .absent { state.staged[own.hash] = nil }
            return answer
        }
        if path.info.references.contains(where: { $0 != own && state.visible[$0.hash] == nil }) {
            state.holes.append(own)
            return .lacking(reason: "a reference is not there")
        }
        let file: [UInt8]?
        switch path.way {
        case .bundle, .proof: file = state.staged.removeValue(forKey: own.hash)
        case .upload(let upload, _): file = state.uploads.removeValue(forKey: upload.name)?.bytes
        }
        guard let file else { return .absent }
        guard !limits.wantsFileHashes || path.packed.fileHash == SHA256Hasher.hash(file) else {
            return .refused(reason: "another file")
        }
        state.visible[own.hash] = file
        state.order.append(own)
        return .there
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
