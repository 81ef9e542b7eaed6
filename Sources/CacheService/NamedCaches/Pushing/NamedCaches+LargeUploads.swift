// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
import Logging
import NixFormat
import NixStore

/// The name of a large NAR that is on its way.
///
/// - Shape: 32 characters of Nix base-32.
package struct LargeUploadID: Hashable, Sendable, CustomStringConvertible {
    let partial: PartialID

    init(_ partial: PartialID) { self.partial = partial }

    /// - Returns: `nil` for text of another shape.
    package init?(parsing text: some StringProtocol) {
        guard let partial = PartialID(parsing: text) else { return nil }
        self.partial = partial
    }

    package var description: String { "\(partial)" }
}

/// What there is of a large NAR.
package struct LargeUploadState: Hashable, Sendable {
    package let id: LargeUploadID
    /// In order; no two of them touch.
    package let have: [Range<UInt64>]
    /// Whether it only waits for its narinfo.
    package let isComplete: Bool
}

/// What became of a large NAR that is said to be complete.
package enum LargeUploadEnd: Hashable, Sendable {
    case done
    case checking(checkedBytes: UInt64)
    case lacking(have: [Range<UInt64>])
}

extension NamedCaches {
    /// Far more than one push has under way; for everybody, and for one sender.
    private static let maximumUploads = 1_024
    private static let maximumUploadsOfOne = 128
    /// Whoever goes on with one that made room for others begins it again, with what is on the disk.
    private static let idleAfter = Duration.seconds(60)
    private static let maximumEncoderBytes = 200
    /// How long an answer waits for the rest to be verified.
    private static let checkPatience = Duration.seconds(10)

    /// Begins a large NAR, or goes on with it, whoever was killed meanwhile.
    ///
    /// `encoder`: What makes the same bytes of the same NAR.
    ///
    /// - Returns: What has come of it.
    /// - Throws: ``CacheError``.
    package func begin(
        _ question: PathQuestion,
        encoder: String,
        in name: CacheName,
        by visitor: Visitor
    ) async throws -> LargeUploadState {
        let pusher = try await pusher(of: name, visitor)
        guard encoder.utf8.count <= Self.maximumEncoderBytes else {
            throw CacheError.malformed("an encoder is a line of up to 200 characters")
        }
        let key = try key(of: question)
        if let maximum = pusher.cache.settings.maximumNARBytes, question.narSizeBytes > maximum {
            throw CacheError.tooLarge(
                "cache \(name) takes NARs of up to \(maximum) bytes (max-nar-size)"
            )
        }
        let id = PartialID(of: "\(name)\n\(pusher.principal)\n\(key)\n\(encoder)")
        staged.dropOverdue()
        let upload: LargeUpload
        if let known = uploads.find(id) {
            upload = known
        } else {
            upload = try await open(id, question, pusher)
        }
        let isComplete = staged.find(stagedKey(upload.hash, upload.narHash, pusher)) != nil
        let have = isComplete ? [] : try await asking { _ in try upload.partial.have() }
        check(upload)
        return LargeUploadState(id: LargeUploadID(id), have: have, isComplete: isComplete)
    }

    private func open(
        _ id: PartialID,
        _ question: PathQuestion,
        _ pusher: Pusher
    ) async throws -> LargeUpload {
        try makeWay(for: pusher.principal)
        let partial = depot.partialUpload(id)
        let share = try await takeShare(of: pusher.cache, partial.reservedBytes)
        return try await asking { [self] _ in
            uploads.insert(try LargeUpload(question, partial, pusher, share, of: self))
        }
    }

    /// Nobody keeps others from pushing by what is begun and not gone on with.
    private func makeWay(for principal: Principal) throws {
        let isFull = uploads.count >= Self.maximumUploads
        guard isFull || uploads.count(of: principal) >= Self.maximumUploadsOfOne else { return }
        let idle = uploads.idle(since: .now - Self.idleAfter)
        guard let one = idle.first(where: { isFull || $0.pusher.principal == principal }) else {
            throw CacheError.tooMany(
                "too many large NARs are on their way; finish some, or come back in a minute"
            )
        }
        uploads.remove(one)
        if one.partial.reservedBytes == 0 { one.partial.discard() }
    }

    private func key(of question: PathQuestion) throws -> ObjectKey {
        guard let key = try? key(question.path.hash, question.narHash) else {
            throw CacheError.malformed("NarHash is not a SHA-256")
        }
        return key
    }

    /// Takes bytes of a large NAR.
    ///
    /// - Throws: ``CacheError/notFound`` for an upload that this visitor has not begun, or that is not
    ///   known any more.
    package func part(
        of id: LargeUploadID,
        from offset: UInt64,
        lengthBytes: UInt64,
        in name: CacheName,
        by visitor: Visitor
    ) async throws -> any BodySink {
        let upload = try await find(id, name, visitor)
        if case .failed(let error) = upload.progress { throw error }
        let range = offset..<offset + lengthBytes
        // What cannot be compressed grows by a little, and has a table behind it.
        guard range.upperBound <= upload.narSizeBytes + upload.narSizeBytes / 64 + 65_536 else {
            throw CacheError.refused(
                "the file of \(upload.hash) is longer than its NAR can make it"
            )
        }
        try await growShare(of: upload, to: range.upperBound)
        return StretchSink(upload, range, try await keepingSlots.take(), of: self)
    }

    private func growShare(of upload: LargeUpload, to sizeBytes: UInt64) async throws {
        guard !upload.share.grow(to: sizeBytes) else { return }
        // Perhaps something else can go: asked for anew, without what it has.
        let before = upload.share
        _ = before.set(0)
        upload.share = try await takeShare(of: upload.pusher.cache, sizeBytes)
    }

    /// Says that all of a large NAR has been sent, and waits a little until it is verified.
    ///
    /// - Throws: ``CacheError/refused(_:)`` when it is something else; then it is gone.
    package func finish(
        _ id: LargeUploadID,
        fileSizeBytes: UInt64,
        in name: CacheName,
        by visitor: Visitor
    ) async throws -> LargeUploadEnd {
        let upload = try await find(id, name, visitor)
        let pusher = upload.pusher
        guard staged.find(stagedKey(upload.hash, upload.narHash, pusher)) == nil else {
            return .done
        }
        let have = try await asking { _ in try upload.partial.have() }
        if let last = have.last, last.upperBound > fileSizeBytes {
            return try drop(upload, .refused("more was sent of \(upload.hash) than its file has"))
        }
        guard have == [0..<fileSizeBytes] else { return .lacking(have: have) }
        let end = ContinuousClock.now + Self.checkPatience
        while ContinuousClock.now < end {
            // Somebody else may be at it, who began before the last bytes came.
            guard upload.startChecking() else {
                switch upload.progress {
                case .failed(let error): return try drop(upload, error)
                case .ended(let size): return try await complete(upload, size, fileSizeBytes)
                case .checking: try await Task.sleep(for: .milliseconds(10))
                }
                continue
            }
            let hasMore = await checkAll(upload, until: end)
            upload.pauseChecking()
            if !hasMore, case .checking = upload.progress {
                return try drop(upload, .refused("the file of \(upload.hash) is cut off"))
            }
        }
        guard case .checking(let checked) = upload.progress else {
            return .checking(checkedBytes: fileSizeBytes)
        }
        return .checking(checkedBytes: checked)
    }

    /// For whoever has ``LargeUpload/startChecking()``.
    ///
    /// - Returns: Whether there may be more, which only time kept it from.
    private func checkAll(
        _ upload: LargeUpload,
        until end: ContinuousClock.Instant?
    ) async -> Bool {
        while end.map({ ContinuousClock.now < $0 }) ?? true {
            let hasMore = try? await uploaders.run(deadline: .seconds(600)) { upload.checkSome() }
            guard hasMore == true else { return false }
        }
        return true
    }

    private func complete(
        _ upload: LargeUpload,
        _ checkedBytes: UInt64,
        _ fileSizeBytes: UInt64
    ) async throws -> LargeUploadEnd {
        guard checkedBytes == fileSizeBytes else {
            return try drop(upload, .refused("the file of \(upload.hash) goes on behind its end"))
        }
        do {
            let nar = try await uploaders.run(deadline: .seconds(600)) {
                try upload.complete(fileSizeBytes: fileSizeBytes)
            }
            stage(nar, as: upload.hash, upload.pusher)
            uploads.remove(upload)
            return .done
        } catch let error as CacheError {
            return try drop(upload, error)
        } catch {
            throw CacheError(error)
        }
    }

    /// What is wrong of an upload cannot be mended by sending more.
    private func drop(_ upload: LargeUpload, _ error: CacheError) throws -> LargeUploadEnd {
        uploads.remove(upload)
        switch error {
        case .storageUnavailable, .noRoom: break
        default: upload.partial.discard()
        }
        throw error
    }

    /// Lets go of a large NAR with all that has come of it.
    package func abort(_ id: LargeUploadID, in name: CacheName, by visitor: Visitor) async throws {
        let upload = try await find(id, name, visitor)
        uploads.remove(upload)
        staged.remove(stagedKey(upload.hash, upload.narHash, upload.pusher))
        upload.partial.discard()
    }

    private func find(
        _ id: LargeUploadID,
        _ name: CacheName,
        _ visitor: Visitor
    ) async throws -> LargeUpload {
        let pusher = try await pusher(of: name, visitor)
        guard let upload = uploads.find(id.partial), upload.pusher.principal == pusher.principal,
            upload.pusher.cache.name == name
        else { throw CacheError.notFound }
        return upload
    }

    /// Has what came verified, if nobody does that already.
    func check(_ upload: LargeUpload) {
        guard upload.startChecking() else { return }
        Task {
            _ = await checkAll(upload, until: nil)
            upload.pauseChecking()
        }
    }

    /// Lets go of uploads that nobody goes on with.
    func dropAbandonedUploads() {
        let lifetime = Duration.seconds(depot.configuration.partialLifetimeSeconds)
        let before = ContinuousClock.now - lifetime
        for upload in uploads.idle(since: before) { uploads.remove(upload) }
        for partial in depot.listPartialUploads() where partial.usedAt < before {
            logger.info("dropped an upload that nobody went on with")
            partial.discard()
        }
    }
}
