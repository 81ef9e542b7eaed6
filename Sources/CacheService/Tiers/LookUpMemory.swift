// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// What one tier has said about paths: bounded, and forgotten when the network changes.
final class LookUpMemory: Sendable {
    struct Lifetimes: Sendable {
        var positive = Duration.seconds(3600)
        var negative = Duration.seconds(1)
    }

    /// What was said, and when.
    struct Memory: Sendable {
        let narInfo: NARInfo?
        let since: ContinuousClock.Instant
    }

    /// In each of two halves; a parsed narinfo takes one to three kilobytes.
    private static let maximumPositives = 4_000
    private static let maximumNegatives = 100_000

    private struct State {
        var positives = Halves<StorePathHash, Memory>(maximumCount: LookUpMemory.maximumPositives)
        var negatives = Halves<StorePathHash, Memory>(maximumCount: LookUpMemory.maximumNegatives)
    }

    private let lifetimes: Lifetimes
    private let state = Mutex(State())

    init(_ lifetimes: Lifetimes) {
        self.lifetimes = lifetimes
    }

    /// What is still to be believed.
    func recall(_ hash: StorePathHash, at now: ContinuousClock.Instant) -> Memory? {
        state.withLock { state in
            if let memory = state.positives.find(hash), memory.since + lifetimes.positive > now {
                return memory
            }
            if let memory = state.negatives.find(hash), memory.since + lifetimes.negative > now {
                return memory
            }
            return nil
        }
    }

    func remember(_ narInfo: NARInfo, at now: ContinuousClock.Instant) {
        state.withLock { state in
            let hash = narInfo.storePath.hash
            state.negatives.remove(hash)
            state.positives.insert(Memory(narInfo: narInfo, since: now), for: hash)
        }
    }

    func rememberAbsent(_ hash: StorePathHash, at now: ContinuousClock.Instant) {
        state.withLock { state in
            state.positives.remove(hash)
            state.negatives.insert(Memory(narInfo: nil, since: now), for: hash)
        }
    }

    /// What the tier has under this hash is not what it says: believed as long as a narinfo would be.
    func rememberDamaged(_ hash: StorePathHash, at now: ContinuousClock.Instant) {
        state.withLock { $0.positives.insert(Memory(narInfo: nil, since: now), for: hash) }
    }

    func forgetAll() { state.withLock { $0 = State() } }
}
