// SPDX-License-Identifier: Apache-2.0
import Caches
import NixFormat
import Synchronization

/// The NARs that come in parts.
///
/// They are gone when the process ends, and when nothing has come for a while.
final class MultipartUploads: Sendable {
    /// Each has a decoder and an encoder in memory until its last part: those that are large.
    let unpackers = UploadSlots(maximum: 4)
    /// Those that are complete and were not unpacked before; as fast as this machine is.
    let completers = UploadSlots(maximum: 2)

    private struct Open {
        let upload: MultipartUpload
        var until: ContinuousClock.Instant
    }

    /// What is left of one that was completed, for a sender who did not hear of it.
    private struct Completed {
        let cache: CacheName
        let principal: Principal
        let secret: UploadSecret
        let narInfo: NARInfo
        let until: ContinuousClock.Instant
    }

    private struct State {
        var open: [UploadID: Open] = [:]
        var completed: [UploadID: Completed] = [:]
    }

    private let lifetime: Duration
    private let state = Mutex(State())

    private static let most = 512
    private static let mostOfOne = 128
    private static let mostCompleted = 4_096
    private static let completedLifetime = Duration.seconds(600)

    init(lifetime: Duration) { self.lifetime = lifetime }

    /// - Throws: ``CacheError/tooMany(_:)``.
    func insert(_ upload: MultipartUpload) throws {
        let now = ContinuousClock.now
        let isIn = state.withLock { state in
            let own = state.open.values.count { $0.upload.principal == upload.principal }
            guard state.open.count < Self.most, own < Self.mostOfOne else { return false }
            state.open[upload.id] = Open(upload: upload, until: now + lifetime)
            return true
        }
        guard isIn else { throw CacheError.tooMany("too many uploads are open; end some first") }
    }

    /// The upload that a ticket is for, which has its whole lifetime before it again.
    func find(_ id: UploadID) -> MultipartUpload? {
        let now = ContinuousClock.now
        return state.withLock { state in
            guard let open = state.open[id], open.until > now else { return nil }
            state.open[id]?.until = now + lifetime
            return open.upload
        }
    }

    func remove(_ id: UploadID) {
        let old = state.withLock { $0.open.removeValue(forKey: id) }
        _ = old
    }

    /// It became a path, or will.
    func complete(_ upload: MultipartUpload, as narInfo: NARInfo) {
        let now = ContinuousClock.now
        let old = state.withLock { state in
            if state.completed.count >= Self.mostCompleted {
                state.completed = state.completed.filter { $0.value.until > now }
            }
            if state.completed.count < Self.mostCompleted {
                state.completed[upload.id] = Completed(
                    cache: upload.cache.name,
                    principal: upload.principal,
                    secret: upload.secret,
                    narInfo: narInfo,
                    until: now + Self.completedLifetime
                )
            }
            return state.open.removeValue(forKey: upload.id)
        }
        _ = old
    }

    /// Whether this is what an upload was completed as a moment ago.
    func wasCompleted(
        _ ticket: UploadTicket,
        in cache: CacheName,
        by principal: Principal,
        as narInfo: NARInfo
    ) -> Bool {
        guard let known = state.withLock({ $0.completed[ticket.id] }) else { return false }
        return known.until > .now && known.cache == cache && known.principal == principal
            && known.secret == ticket.secret && known.narInfo == narInfo
    }

    /// Lets go of those that nothing has come for.
    ///
    /// - Returns: How many.
    func dropOverdue() async -> Int {
        let now = ContinuousClock.now
        let overdue = state.withLock { state in
            state.completed = state.completed.filter { $0.value.until > now }
            let overdue = state.open.filter { $0.value.until <= now }
            for id in overdue.keys { state.open[id] = nil }
            return overdue
        }
        for open in overdue.values { await open.upload.end() }
        return overdue.count
    }
}
