// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct TimeSpanTests {
    @Test(arguments: [
        ("0s", 0), ("30s", 30), ("5m", 300), ("12h", 43_200), ("90d", 7_776_000),
    ])
    func aWholeNumberAndAUnitAreATime(_ text: String, _ seconds: Int64) throws {
        let span = try TimeSpan(parsing: text)
        #expect(span.seconds == seconds)
        #expect(span.duration == .seconds(seconds))
        #expect(try TimeSpan(parsing: span.description) == span)
    }

    @Test(arguments: ["", "s", "-1s", "1.5h", "30 s", "30", "30S", "1w", "1h30m", "500ms"])
    func whatIsNoTimeIsRefused(_ text: String) {
        #expect(throws: TimeSpan.ParseError.self) { try TimeSpan(parsing: text) }
    }

    @Test func aTimeBeyondSixtyThreeBitsIsTooLargeAndDoesNotWrap() {
        #expect(throws: TimeSpan.ParseError.tooLarge) {
            try TimeSpan(parsing: "106751991167301d")
        }
    }
}
