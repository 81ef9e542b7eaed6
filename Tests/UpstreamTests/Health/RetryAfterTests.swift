// SPDX-License-Identifier: Apache-2.0
import Testing
import Upstream

@Suite struct RetryAfterTests {
    /// 1994-11-06 08:49:37 UTC.
    private static let example = 784_111_777

    @Test(arguments: [
        ("0", 0), ("120", 120), (" 5 ", 5), ("99999999999999999999999", 1 << 32),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 7), ("Sunday, 06-Nov-94 08:49:37 GMT", 7),
        ("Sun Nov  6 08:49:37 1994", 7), ("Sat, 05 Nov 1994 08:49:37 GMT", 0),
        ("Thu, 29 Feb 1996 00:00:00 GMT", 825_552_000 - example + 7),
    ])
    func secondsAndDatesAreRead(_ text: String, _ seconds: Int) {
        #expect(RetryAfter.parse(text, now: Self.example - 7) == .seconds(seconds))
    }

    @Test(arguments: [
        "", "-1", "1.5", "soon", "Sun, 06 Nov 1994", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 8 GMT",
    ])
    func anythingElseIsNone(_ text: String) {
        #expect(RetryAfter.parse(text, now: 0) == nil)
    }
}
