// SPDX-License-Identifier: Apache-2.0
import Testing
import Upstream

@Suite struct BusyMeterTests {
    @Test func nothingIsKnownBeforeSomethingWasDone() {
        let meter = BusyMeter()
        #expect(meter.bytesPerSecond == nil)
        meter.begin()
        meter.end(bytes: 1)
        #expect(meter.bytesPerSecond == nil)
    }

    /// Two that wait at the same time wait once.
    @Test func timeThatIsSharedCountsOnce() async throws {
        let meter = BusyMeter()
        let began = ContinuousClock.now
        meter.begin()
        meter.begin()
        try await Task.sleep(for: .milliseconds(300))
        meter.end(bytes: 2_500_000)
        meter.end(bytes: 2_500_000)
        let most = 5_000_000 / 0.3
        let least = 2_500_000 / (began.duration(to: .now) / .seconds(1))
        let rate = try #require(meter.bytesPerSecond)
        #expect(rate <= most * 1.01 && rate >= least * 0.99)
        meter.forget()
        #expect(meter.bytesPerSecond == nil)
    }

    @Test func whatIsLearntCountsAsASample() throws {
        let meter = BusyMeter()
        meter.learn(bytesPerSecond: 100)
        #expect(meter.bytesPerSecond == 100)
        meter.learn(bytesPerSecond: 300)
        #expect(meter.bytesPerSecond == 200)
    }
}
