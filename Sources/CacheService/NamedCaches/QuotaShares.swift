// SPDX-License-Identifier: Apache-2.0
import Caches
import Synchronization

/// What uploads that are not in their caches yet will take there.
final class QuotaShares: Sendable {
    private let taken = Mutex<[CacheName: UInt64]>([:])

    /// Takes a share, if it fits beside what is there and other shares.
    ///
    /// - Returns: `nil` when it does not.
    func take(
        _ sizeBytes: UInt64,
        of cache: CacheName,
        leaving leftBytes: UInt64?
    ) -> QuotaShare? {
        let isTaken = taken.withLock { taken in
            let others = taken[cache] ?? 0
            if let leftBytes, others + sizeBytes > leftBytes { return false }
            taken[cache] = others + sizeBytes
            return true
        }
        guard isTaken else { return nil }
        return QuotaShare(sizeBytes, of: cache, leaving: leftBytes, from: self)
    }

    /// All shares of a cache together.
    func sizeBytes(of cache: CacheName) -> UInt64 { taken.withLock { $0[cache] ?? 0 } }

    fileprivate func change(
        _ cache: CacheName,
        from old: UInt64,
        to new: UInt64,
        leaving leftBytes: UInt64?
    ) -> Bool {
        taken.withLock { taken in
            let others = (taken[cache] ?? 0) - old
            if new > old, let leftBytes, others + new > leftBytes { return false }
            taken[cache] = others + new == 0 ? nil : others + new
            return true
        }
    }
}

/// The share of one upload, given back when it is let go.
final class QuotaShare: Sendable {
    private let cache: CacheName
    private let leftBytes: UInt64?
    private let shares: QuotaShares
    private let sizeBytes: Mutex<UInt64>

    fileprivate init(
        _ sizeBytes: UInt64,
        of cache: CacheName,
        leaving leftBytes: UInt64?,
        from shares: QuotaShares
    ) {
        self.cache = cache
        self.leftBytes = leftBytes
        self.shares = shares
        self.sizeBytes = Mutex(sizeBytes)
    }

    deinit { _ = set(0) }

    /// Makes it larger or smaller.
    ///
    /// - Returns: Whether there was room; otherwise it is as before.
    func set(_ newBytes: UInt64) -> Bool {
        sizeBytes.withLock { size in
            guard shares.change(cache, from: size, to: newBytes, leaving: leftBytes) else {
                return false
            }
            size = newBytes
            return true
        }
    }

    /// Makes it larger when it has to be.
    func grow(to newBytes: UInt64) -> Bool {
        newBytes <= sizeBytes.withLock { $0 } || set(newBytes)
    }
}
