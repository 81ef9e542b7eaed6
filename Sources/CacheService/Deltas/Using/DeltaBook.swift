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
        var rebuildShare = DeltaShare()
        var upgradeShare = DeltaShare()
        var failuresInARow = 0
        var restsUntil = ContinuousClock.now
    }

    private static let maximumTales = 5_000
    /// After so many failures in a row nothing is offered for a while.
    private static let mostFailures = 3
    private static let rest = Duration.seconds(300)

    private let state = Mutex(State())
    /// What the tier makes while somebody waits for it, of rebuilds and of other versions.
    private let rebuilds = BusyMeter(sampleTime: .seconds(1), sampleBytes: 16e6)
    private let upgrades = BusyMeter(sampleTime: .seconds(1), sampleBytes: 16e6)
    /// What is made of deltas here.
    let applying = BusyMeter()

    var totals: Totals { state.withLock { $0.totals } }

    func tale(of hash: StorePathHash) -> DeltaTale? { state.withLock { $0.tales.find(hash) } }

    /// Deltas that are asked for before Nix asks for the NARs.
    let ahead = DeltasAhead()
    let link = LinkMeasurement()
    /// NARs that clients want at this moment, in either form.
    let wantedAtOnce = Gauge()

    func making(isRebuild: Bool) -> BusyMeter { isRebuild ? rebuilds : upgrades }

    /// What was measured of one kind tells of the other, too.
    func cost(ofRebuild isRebuild: Bool) -> DeltaCost {
        let share = state.withLock { isRebuild ? $0.rebuildShare : $0.upgradeShare }
        let effort = isRebuild ? 1 / DeltaPolicy.upgradeEffort : DeltaPolicy.upgradeEffort
        return DeltaCost(
            share: share.value,
            makingBytesPerSecond: making(isRebuild: isRebuild).bytesPerSecond
                ?? making(isRebuild: !isRebuild).bytesPerSecond.map { $0 / effort },
            applyingBytesPerSecond: applying.bytesPerSecond
        )
    }

    /// Whether the last deltas were all of no use.
    var isResting: Bool { state.withLock { $0.restsUntil > .now } }

    func noteUse(
        of base: StorePath,
        for hash: StorePathHash,
        isRebuild: Bool,
        deltaBytes: UInt64,
        ordinaryBytes: UInt64
    ) {
        state.withLock { state in
            state.failuresInARow = 0
            let share = isRebuild ? \State.rebuildShare : \State.upgradeShare
            state[keyPath: share].note(deltaBytes, insteadOf: ordinaryBytes)
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
        applying.forget()
        link.forget()
        ahead.networkChanged()
        state.withLock { state in
            (state.failuresInARow, state.restsUntil) = (0, .now)
        }
    }
}

/// What comes, of what would have come in the ordinary form; what was long ago counts less.
struct DeltaShare: Sendable {
    /// Less says nothing.
    private static let leastBytes = 256e3
    private static let rememberedBytes = 64e6

    private var deltaBytes = 0.0
    private var ordinaryBytes = 0.0

    var value: Double? {
        ordinaryBytes >= Self.leastBytes ? deltaBytes / ordinaryBytes : nil
    }

    mutating func note(_ delta: UInt64, insteadOf ordinary: UInt64) {
        deltaBytes += Double(delta)
        ordinaryBytes += Double(ordinary)
        guard ordinaryBytes > Self.rememberedBytes else { return }
        let kept = Self.rememberedBytes / 2 / ordinaryBytes
        deltaBytes *= kept
        ordinaryBytes *= kept
    }
}
