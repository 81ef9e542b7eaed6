// SPDX-License-Identifier: Apache-2.0
import Compression
import Depot
import NixFormat
import Synchronization

/// One large NAR on its way into a cache: what has come of it, and how far that was verified.
final class LargeUpload: Sendable {
    enum Progress: Sendable {
        case checking(checkedBytes: UInt64)
        /// Verified to its end.
        case ended(fileSizeBytes: UInt64)
        case failed(CacheError)
    }

    let id: PartialID
    let hash: StorePathHash
    let narHash: NixHash
    let narSizeBytes: UInt64
    let pusher: NamedCaches.Pusher
    let partial: PartialUpload

    private let depot: NARDepot
    private let rooms: CheckRooms
    /// Held while frames are taken: one thread at a time.
    private let check: Mutex<Check>
    private let state: Mutex<State>

    private struct Check: ~Copyable {
        var file: NARFileCheck
        /// For a depot that keeps NARs as they are.
        var unpacked: PendingUpload?
    }

    private struct State {
        var share: QuotaShare
        var isRunning = false
        var progress = Progress.checking(checkedBytes: 0)
        var staged: StagedNAR?
    }

    init(
        _ question: PathQuestion,
        _ partial: PartialUpload,
        _ pusher: NamedCaches.Pusher,
        _ share: QuotaShare,
        of named: NamedCaches
    ) throws {
        id = partial.id
        hash = question.path.hash
        narHash = question.narHash
        narSizeBytes = question.narSizeBytes
        self.pusher = pusher
        self.partial = partial
        depot = named.depot
        rooms = named.rooms
        let unpacked: PendingUpload? =
            switch named.configuration.form {
            case .zstd: nil
            case .identity:
                try named.depot.beginUpload(as: .identity, expectedBytes: question.narSizeBytes)
            }
        check = Mutex(Check(file: try NARFileCheck(), unpacked: unpacked))
        state = Mutex(State(share: share))
    }

    var progress: Progress { state.withLock { $0.progress } }

    /// What it takes of its cache's quota.
    var share: QuotaShare {
        get { state.withLock { $0.share } }
        set { state.withLock { $0.share = newValue } }
    }

    /// Counts for the quota what has come, and no more of what was only announced.
    func settleShare() { _ = share.set(partial.reservedBytes) }

    /// Whether the caller is to go on checking until ``pauseChecking()``.
    func startChecking() -> Bool {
        state.withLock { state in
            guard !state.isRunning, case .checking = state.progress else { return false }
            state.isRunning = true
            return true
        }
    }

    func pauseChecking() { state.withLock { $0.isRunning = false } }

    /// Takes what has come, for a while; for a thread that may wait.
    ///
    /// - Returns: Whether there may be more.
    func checkSome() -> Bool {
        do {
            return try check.withLock { check in
                guard !check.file.hasEnded else { return false }
                for _ in 0..<8 {
                    guard try takeFrames(&check) else { return false }
                }
                return true
            }
        } catch let error as CompressionError {
            let reason = "it is not seekable zstd as Firn writes it: \(error)"
            fail(.refused("the NAR of \(hash) cannot be taken: \(reason)"))
        } catch let error as CacheError {
            fail(error)
        } catch is PartialGone {
            fail(.notFound)
        } catch {
            fail(CacheError(error))
        }
        return false
    }

    private func takeFrames(_ check: inout Check) throws -> Bool {
        let before = check.file.fileSizeBytes
        try rooms.with { room in
            let count = try unsafe partial.read(at: before, into: room.packed)
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: room.packed[..<count])
            let unpacked = check.unpacked
            _ = try unsafe check.file.take(bytes, into: room.contents) { contents in
                if let unpacked { try unsafe unpacked.write(contents) }
            }
        }
        guard check.file.narSizeBytes <= narSizeBytes else {
            throw CacheError.refused("the NAR of \(hash) is longer than was said")
        }
        let after = check.file.fileSizeBytes
        let hasEnded = check.file.hasEnded
        state.withLock { state in
            state.progress =
                hasEnded ? .ended(fileSizeBytes: after) : .checking(checkedBytes: after)
        }
        return !hasEnded && after > before
    }

    /// What is to wait for its narinfo, once all has been verified; for a thread that may wait.
    ///
    /// - Throws: ``CacheError/refused(_:)`` when it is another NAR.
    func complete(fileSizeBytes: UInt64) throws -> StagedNAR {
        try check.withLock { check in
            if let known = state.withLock({ $0.staged }) { return known }
            let narHash = check.file.narHash
            guard narHash == self.narHash, check.file.narSizeBytes == narSizeBytes else {
                throw CacheError.refused(
                    "the NAR that was sent for \(hash) has the NarHash \(narHash) and"
                        + " \(check.file.narSizeBytes) bytes, and not what was said"
                )
            }
            let upload: any UploadedObject
            if let unpacked = check.unpacked {
                try unpacked.complete()
                partial.discard()
                upload = unpacked
            } else {
                partial.seal(sizeBytes: fileSizeBytes, fileHash: check.file.fileHash)
                upload = partial
            }
            let nar = StagedNAR(
                upload: upload,
                share: share,
                fileHash: check.file.fileHash,
                fileSizeBytes: fileSizeBytes,
                narHash: narHash,
                narSizeBytes: narSizeBytes
            )
            state.withLock { $0.staged = nar }
            return nar
        }
    }

    func fail(_ error: CacheError) {
        state.withLock { $0.progress = .failed(error) }
    }
}

/// The large NARs that are coming, by their names.
final class LargeUploads: Sendable {
    private let known = Mutex<[PartialID: LargeUpload]>([:])

    func find(_ id: PartialID) -> LargeUpload? { known.withLock { $0[id] } }

    /// - Returns: The one that is known by now.
    func insert(_ upload: LargeUpload) -> LargeUpload {
        known.withLock { known in
            if let other = known[upload.id] { return other }
            known[upload.id] = upload
            return upload
        }
    }

    func remove(_ upload: LargeUpload) {
        known.withLock { if $0[upload.id] === upload { $0[upload.id] = nil } }
    }

    var count: Int { known.withLock { $0.count } }

    func count(of principal: Principal) -> Int {
        known.withLock { known in known.values.count { $0.pusher.principal == principal } }
    }

    /// Those that nobody has touched since.
    func idle(since instant: ContinuousClock.Instant) -> [LargeUpload] {
        known.withLock { $0.values.filter { $0.partial.usedAt < instant } }
            .sorted { $0.partial.usedAt < $1.partial.usedAt }
    }
}
