// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import Synchronization
import Upstream

/// How one NAR of a tier has come.
package enum DeltaTale: Sendable {
    /// Made of this path, from so many bytes instead of so many.
    case used(base: StorePath, deltaBytes: UInt64, ordinaryBytes: UInt64)
    /// In the ordinary form, and why.
    case ordinary(String)
}

/// What deltas have done with the NARs of a tier, for decisions and for people.
final class DeltaBook: Sendable {
    struct Totals: Sendable {
        var used: UInt64 = 0
        /// What came, and what would have come in the ordinary form.
        var deltaBytes: UInt64 = 0
        var ordinaryBytes: UInt64 = 0
        /// Deltas that were of no use.
        var failures: UInt64 = 0
    }

    private struct State {
        var totals = Totals()
        var tales = Halves<StorePathHash, DeltaTale>(maximumCount: DeltaBook.maximumTales)
        var failuresInARow = 0
        var restsUntil = ContinuousClock.now
        var measuringUntil = ContinuousClock.now
    }

    private static let maximumTales = 5_000
    /// After so many failures in a row nothing is offered for a while.
    private static let mostFailures = 3
    private static let rest = Duration.seconds(300)
    private static let measuringTime = Duration.seconds(5)

    private let state = Mutex(State())
    /// What gets done when deltas are used: for rebuilds, and for other versions.
    let rebuilds = BusyMeter()
    let upgrades = BusyMeter()

    var totals: Totals { state.withLock { $0.totals } }

    func tale(of hash: StorePathHash) -> DeltaTale? { state.withLock { $0.tales.find(hash) } }

    /// Deltas that are asked for before Nix asks for the NARs.
    let ahead = DeltasAhead()

    func meter(isRebuild: Bool) -> BusyMeter { isRebuild ? rebuilds : upgrades }

    /// Whether the last deltas were all of no use.
    var isResting: Bool { state.withLock { $0.restsUntil > .now } }

    /// - Returns: Whether this NAR is the one that measures the link.
    func beginMeasuring() -> Bool {
        state.withLock { state in
            guard state.measuringUntil <= .now else { return false }
            state.measuringUntil = .now + Self.measuringTime
            return true
        }
    }

    func noteUse(
        of base: StorePath,
        for hash: StorePathHash,
        deltaBytes: UInt64,
        ordinaryBytes: UInt64
    ) {
        state.withLock { state in
            state.failuresInARow = 0
            state.totals.used += 1
            state.totals.deltaBytes += deltaBytes
            state.totals.ordinaryBytes += ordinaryBytes
            state.tales.insert(
                .used(base: base, deltaBytes: deltaBytes, ordinaryBytes: ordinaryBytes),
                for: hash
            )
        }
    }

    func noteOrdinary(_ hash: StorePathHash, _ reason: String) {
        state.withLock { $0.tales.insert(.ordinary(reason), for: hash) }
    }

    func noteFailure(_ hash: StorePathHash, _ reason: String) {
        state.withLock { state in
            state.totals.failures += 1
            state.failuresInARow += 1
            if state.failuresInARow >= Self.mostFailures { state.restsUntil = .now + Self.rest }
            state.tales.insert(.ordinary(reason), for: hash)
        }
    }

    /// What was measured counts for another network only.
    func networkChanged() {
        rebuilds.forget()
        upgrades.forget()
        state.withLock { state in
            (state.failuresInARow, state.restsUntil) = (0, .now)
            state.measuringUntil = .now
        }
    }
}
