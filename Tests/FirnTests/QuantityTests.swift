// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct QuantityTests {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_234, "1.2 kB"), (9_949, "9.9 kB"),
        (9_950, "10 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (12_300_000_000, "12 GB"),
        (UInt64.max, "18447 PB"),
    ])
    func bytesHaveTwoOrThreeDigits(_ count: UInt64, _ text: String) {
        #expect(Quantity.bytes(count) == text)
    }

    @Test(arguments: [
        (Duration.zero, "0.00 ms"), (.microseconds(50), "0.05 ms"), (.microseconds(100), "0.1 ms"),
        (.microseconds(1_234), "1.2 ms"), (.milliseconds(340), "340 ms"),
        (.milliseconds(999), "999 ms"), (.milliseconds(1_000), "1.0 s"), (.seconds(12), "12 s"),
        (.seconds(119), "119 s"), (.seconds(120), "2 min"), (.seconds(7_200), "2 h"),
        (.seconds(172_800), "2 d"), (.seconds(86_400_000), "1000 d"),
    ])
    func timesHaveTheUnitThatFits(_ duration: Duration, _ text: String) {
        #expect(Quantity.time(duration) == text)
    }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567"),
    ])
    func countsAreGrouped(_ count: UInt64, _ text: String) {
        #expect(Quantity.count(count) == text)
    }

    /// Nothing but all is told as all, and nothing but none as none.
    @Test(
        arguments: [
            (0, 0, nil), (0, 5, "0 %"), (5, 5, "100 %"), (9_999, 10_000, "99 %"),
            (1, 10_000, "<1 %"),
            (1, 3, "33 %"), (6, 5, "120 %"),
        ] as [(UInt64, UInt64, String?)]
    )
    func sharesAreHonest(_ part: UInt64, _ whole: UInt64, _ text: String?) {
        #expect(Quantity.percent(part, of: whole) == text)
    }
}
