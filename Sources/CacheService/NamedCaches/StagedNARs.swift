// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import NixFormat
import Synchronization

/// A NAR that has come and is verified as far as it can be: its narinfo has not come yet.
struct StagedNAR: Sendable {
    /// `nil` when the depot has the NAR already, and its sender has proved to have it as well.
    let upload: (any UploadedObject)?
    let share: QuotaShare
    let fileHash: NixHash
    let fileSizeBytes: UInt64
    let narHash: NixHash
    let narSizeBytes: UInt64
}

/// NARs that wait for their narinfos, each for the cache and from the sender it came from: who has
/// not sent a NAR cannot have it signed.
///
/// They are gone when the process ends, and after a while; their senders send them again.
final class StagedNARs: Sendable {
    struct Key: Hashable {
        let cache: CacheName
        let principal: Principal
        let name: Name
    }

    /// What its sender calls it.
    enum Name: Hashable, CustomStringConvertible {
        /// As Nix does.
        case file(SentNARName)
        /// As Firn does.
        case path(StorePathHash, narHash: NixHash)

        var description: String {
            switch self {
            case .file(let name): "nar/\(name)"
            case .path(let hash, _): "the NAR of \(hash)"
            }
        }
    }

    private struct Waiting {
        let nar: StagedNAR
        let until: ContinuousClock.Instant
    }

    private let lifetime: Duration
    private let waiting = Mutex<[Key: Waiting]>([:])

    init(lifetime: Duration) { self.lifetime = lifetime }

    func insert(_ nar: StagedNAR, for key: Key) {
        let entry = Waiting(nar: nar, until: .now + lifetime)
        // What it replaces is let go outside of the lock: that closes files.
        let old = waiting.withLock { waiting in waiting.updateValue(entry, forKey: key) }
        _ = old
    }

    func find(_ key: Key) -> StagedNAR? {
        waiting.withLock { $0[key] }.flatMap { $0.until > .now ? $0.nar : nil }
    }

    func remove(_ key: Key) {
        let old = waiting.withLock { $0.removeValue(forKey: key) }
        _ = old
    }

    /// Lets go of what has waited for too long.
    func dropOverdue() {
        let now = ContinuousClock.now
        let overdue = waiting.withLock { waiting in
            let overdue = waiting.filter { $0.value.until <= now }
            for key in overdue.keys { waiting[key] = nil }
            return overdue
        }
        _ = overdue
    }
}
