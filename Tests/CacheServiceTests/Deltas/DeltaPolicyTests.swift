// SPDX-License-Identifier: Apache-2.0
import CacheService
import Testing

@Suite struct DeltaPolicyTests {
    private func decide(
        megabits: Double?,
        fileBytes: UInt64 = 4_000_000,
        isRebuild: Bool = true,
        latency: Duration? = .milliseconds(20),
        wait: Duration = .zero,
        cost: DeltaCost = DeltaCost(),
        isOnBattery: Bool = false
    ) -> DeltaPolicy.Verdict {
        DeltaPolicy.decide(
            DeltaPolicy.Case(
                fileBytes: fileBytes,
                narBytes: fileBytes * 3,
                isRebuild: isRebuild,
                linkBytesPerSecond: megabits.map { $0 * 1e6 / 8 },
                latency: latency,
                wait: wait,
                cost: cost,
                isOnBattery: isOnBattery
            )
        )
    }

    private func isOrdinary(_ verdict: DeltaPolicy.Verdict) -> Bool {
        if case .ordinary = verdict { true } else { false }
    }

    @Test func aSlowLinkWantsThemAndAFastOneDoesNot() {
        #expect(decide(megabits: 10) == .delta)
        #expect(decide(megabits: 10, isRebuild: false) == .delta)
        #expect(isOrdinary(decide(megabits: 2_000)))
        #expect(isOrdinary(decide(megabits: 2_000, isRebuild: false)))
    }

    /// As the usual builder makes them; on a link like this one neither is far from the other.
    @Test func anUpgradeHasToBeWorthItsMaking() {
        #expect(decide(megabits: 100) == .delta)
        #expect(isOrdinary(decide(megabits: 100, isRebuild: false)))
        let quick = DeltaCost(makingBytesPerSecond: 300e6)
        #expect(decide(megabits: 100, isRebuild: false, cost: quick) == .delta)
    }

    @Test func whatWasMeasuredCounts() {
        let quick = DeltaCost(makingBytesPerSecond: 1e9, applyingBytesPerSecond: 2e9)
        #expect(isOrdinary(decide(megabits: 500)))
        #expect(decide(megabits: 500, cost: quick) == .delta)
        #expect(isOrdinary(decide(megabits: 50, cost: DeltaCost(makingBytesPerSecond: 10e6))))
        #expect(isOrdinary(decide(megabits: 50, cost: DeltaCost(applyingBytesPerSecond: 10e6))))
        #expect(isOrdinary(decide(megabits: 10, cost: DeltaCost(share: 0.95))))
    }

    /// One is made while another travels: on a slow link the time of the builder costs nothing.
    @Test func aBuilderThatIsFasterThanTheLinkIsFastEnough() {
        let slow = DeltaCost(share: 0.56, makingBytesPerSecond: 12e6)
        #expect(decide(megabits: 10, isRebuild: false, cost: slow) == .delta)
    }

    /// The deltas of a closure come together, and its NARs one by one.
    @Test func aRoundTripForEachSmallNARCounts() {
        #expect(isOrdinary(decide(megabits: 1_000, fileBytes: 40_000)))
        #expect(
            decide(megabits: 1_000, fileBytes: 40_000, wait: .milliseconds(30)) == .delta
        )
        #expect(
            isOrdinary(decide(megabits: 1_000, fileBytes: 40_000, wait: .microseconds(300)))
        )
    }

    @Test func onBatteryAProcessorCountsMore() {
        let cost = DeltaCost(makingBytesPerSecond: 30e6)
        #expect(decide(megabits: 60, cost: cost) == .delta)
        #expect(isOrdinary(decide(megabits: 60, cost: cost, isOnBattery: true)))
        #expect(decide(megabits: 10, cost: cost, isOnBattery: true) == .delta)
    }

    @Test func aFarLinkThatNobodyKnowsIsToBeMeasured() {
        #expect(decide(megabits: nil, fileBytes: 100_000) == .unmeasured)
        #expect(decide(megabits: nil, fileBytes: 100_000_000) == .unmeasured)
        #expect(isOrdinary(decide(megabits: nil, latency: .microseconds(300))))
    }
}
