// SPDX-License-Identifier: Apache-2.0
import Testing
import Upstream

@Suite struct LinkSampleTests {
    /// Pieces of so many bytes, at so many milliseconds.
    private func measured(_ arrivals: [(Double, Int)]) -> Double? {
        let start = ContinuousClock.now
        var sample = LinkSample()
        for (moment, bytes) in arrivals { sample.note(bytes, at: start + .milliseconds(moment)) }
        return sample.bytesPerSecond
    }

    @Test func aSteadyLinkIsWhatItIs() throws {
        let rate = try #require(measured((0...30).map { (Double($0) * 4, 5_000) }))
        #expect(abs(rate / 1_250_000 - 1) < 0.01)
    }

    /// A window that doubles with each round trip of 20 ms, on a link of 1 Gbit/s.
    @Test func aConnectionThatIsSlowAtFirstIsNotTakenForASlowLink() throws {
        let bursts = (0...6).map { (Double($0) * 20, 14_000 << $0) }
        let rate = try #require(measured(bursts))
        #expect(rate > 40e6)
    }

    @Test func whatComesAtOnceIsAFastLink() throws {
        let rate = try #require(measured([(0, 64_000), (4, 500_000), (8, 500_000)]))
        #expect(abs(rate / 125e6 - 1) < 0.01)
    }

    @Test func tooLittleSaysNothing() {
        #expect(measured([]) == nil)
        #expect(measured([(0, 900_000)]) == nil)
        #expect(measured([(0, 1_000), (90, 10_000)]) == nil)
        #expect(measured([(0, 1_000), (1, 100_000)]) == nil)
    }

    @Test func itIsOverWhenEnoughHasCome() {
        var sample = LinkSample()
        #expect(!sample.isFull)
        sample.note(LinkSample.maximumBytes, at: .now)
        #expect(sample.isFull)
    }
}
