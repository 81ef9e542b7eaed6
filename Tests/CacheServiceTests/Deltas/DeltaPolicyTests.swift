// SPDX-License-Identifier: Apache-2.0
import CacheService
import Testing

@Suite struct DeltaPolicyTests {
    private func decide(
        megabits: Double?,
        fileBytes: UInt64 = 4_000_000,
        isRebuild: Bool = true,
        latency: Duration? = .milliseconds(20),
        deltaBytesPerSecond: Double? = nil,
        isOnBattery: Bool = false
    ) -> DeltaPolicy.Verdict {
        DeltaPolicy.decide(
            DeltaPolicy.Case(
                fileBytes: fileBytes,
                narBytes: fileBytes * 3,
                isRebuild: isRebuild,
                linkBytesPerSecond: megabits.map { $0 * 1e6 / 8 },
                latency: latency,
                deltaBytesPerSecond: deltaBytesPerSecond,
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

    @Test func whatWasMeasuredCounts() {
        #expect(decide(megabits: 500, deltaBytesPerSecond: 1e9) == .delta)
        #expect(isOrdinary(decide(megabits: 50, deltaBytesPerSecond: 10e6)))
    }

    @Test func onBatteryAProcessorCountsMore() {
        let rate = 30e6
        #expect(decide(megabits: 70, deltaBytesPerSecond: rate) == .delta)
        #expect(isOrdinary(decide(megabits: 70, deltaBytesPerSecond: rate, isOnBattery: true)))
        #expect(decide(megabits: 10, deltaBytesPerSecond: rate, isOnBattery: true) == .delta)
    }

    @Test func aLinkThatNobodyKnowsIsMeasuredWithLittle() {
        #expect(decide(megabits: nil, fileBytes: 100_000) == .measure)
        #expect(decide(megabits: nil, fileBytes: 100_000_000) == .delta)
        #expect(isOrdinary(decide(megabits: nil, latency: .microseconds(300))))
    }
}
