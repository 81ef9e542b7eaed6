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

    /// A share of nothing, to be filled from others by ``QuotaShare/absorb(_:)``.
    func empty(of cache: CacheName) -> QuotaShare {
        QuotaShare(0, of: cache, leaving: nil, from: self)
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
    private struct State {
        var sizeBytes: UInt64
        var leftBytes: UInt64?
    }

    private let cache: CacheName
    private let shares: QuotaShares
    private let state: Mutex<State>

    fileprivate init(
        _ sizeBytes: UInt64,
        of cache: CacheName,
        leaving leftBytes: UInt64?,
        from shares: QuotaShares
    ) {
        self.cache = cache
        self.shares = shares
        state = Mutex(State(sizeBytes: sizeBytes, leftBytes: leftBytes))
    }

    deinit { _ = set(0) }

    /// Makes it larger or smaller.
    ///
    /// - Returns: Whether there was room; otherwise it is as before.
    func set(_ newBytes: UInt64) -> Bool { state.withLock { set(newBytes, &$0) } }

    /// Makes it larger when it has to be.
    func grow(to newBytes: UInt64) -> Bool {
        state.withLock { state in newBytes <= state.sizeBytes || set(newBytes, &state) }
    }

    /// Takes over another share of the same cache, and what was left when that was taken.
    func absorb(_ other: QuotaShare) {
        let taken = other.state.withLock { state in
            defer { state.sizeBytes = 0 }
            return state
        }
        state.withLock { state in
            state.sizeBytes += taken.sizeBytes
            state.leftBytes = taken.leftBytes
        }
    }

    private func set(_ newBytes: UInt64, _ state: inout State) -> Bool {
        let isDone = shares.change(
            cache,
            from: state.sizeBytes,
            to: newBytes,
            leaving: state.leftBytes
        )
        if isDone { state.sizeBytes = newBytes }
        return isDone
    }
}
