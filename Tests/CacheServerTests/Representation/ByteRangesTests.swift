// SPDX-License-Identifier: Apache-2.0
import CacheServer
import Testing

@Suite struct ByteRangesTests {
    /// - Source: RFC 9110, section 14.1.2, whose examples have 10,000 bytes.
    @Test(
        arguments: [
            ("bytes=0-499", [0..<500]),
            ("bytes=500-999", [500..<1000]),
            ("bytes=-500", [9500..<10000]),
            ("bytes=9500-", [9500..<10000]),
            ("bytes=0-0,-1", [0..<1, 9999..<10000]),
            ("bytes= 0-999, 4500-5499, -1000", [0..<1000, 4500..<5500, 9000..<10000]),
            ("bytes=500-600,601-999", [500..<601, 601..<1000]),
        ] as [(String, [Range<UInt64>])]
    )
    func theExamplesOfTheRFCSelectWhatItSays(_ field: String, _ parts: [Range<UInt64>]) {
        #expect(ByteRanges(field: field, sizeBytes: 10_000) == .parts(parts))
    }

    @Test(
        arguments: [
            ("bytes=0-", 0..<10), ("bytes=3-1000", 3..<10), ("bytes=9-9", 9..<10),
            ("bytes=-100", 0..<10), ("BYTES=1-2", 1..<3), ("bytes=\t1-2 ", 1..<3),
            ("bytes=0-18446744073709551615", 0..<10),
            ("bytes=0-99999999999999999999999", 0..<10),
            ("bytes=-99999999999999999999999", 0..<10),
            ("bytes=000000000000000000000001-2", 1..<3),
        ] as [(String, Range<UInt64>)]
    )
    func aRangeIsCutToTheBody(_ field: String, _ part: Range<UInt64>) {
        #expect(ByteRanges(field: field, sizeBytes: 10) == .parts([part]))
    }

    @Test(
        arguments: [
            nil, "", "bytes", "bytes=", "=0-1", "bytes=-", "bytes=a-b", "bytes=1", "bytes=2-1",
            "bytes=0-1,", "bytes=,0-1", "bytes=0-1,x", "bytes=0 -1", "bytes=+1-2", "bytes=0x1-2",
            "bytes=--1", "bytes=1--2", "bytes=1-2-3", "items=0-1", "none=0-1", "bytes =0-1",
            "bytes=٠-١",
        ] as [String?]
    )
    func whatIsNoRangeOrAnUnknownUnitSelectsTheWhole(_ field: String?) {
        #expect(ByteRanges(field: field, sizeBytes: 10) == .whole)
    }

    @Test(arguments: [
        "bytes=10-", "bytes=10-20", "bytes=-0", "bytes=11-12,-0",
        "bytes=18446744073709551615-", "bytes=99999999999999999999999-",
    ])
    func rangesBehindTheEndCannotBeMet(_ field: String) {
        #expect(ByteRanges(field: field, sizeBytes: 10) == .unsatisfiable)
    }

    @Test(arguments: ["bytes=0-", "bytes=0-0", "bytes=-1"])
    func anEmptyBodyHasNoRange(_ field: String) {
        #expect(ByteRanges(field: field, sizeBytes: 0) == .unsatisfiable)
    }

    @Test func oneRangeThatCanBeMetIsEnough() {
        #expect(ByteRanges(field: "bytes=20-30,2-3", sizeBytes: 10) == .parts([2..<4]))
    }

    @Test func rangesThatAddUpToMoreThanTheBodyAreIgnored() {
        #expect(ByteRanges(field: "bytes=0-,0-", sizeBytes: 10) == .whole)
        #expect(ByteRanges(field: "bytes=0-9,-1", sizeBytes: 10) == .whole)
    }

    @Test func manyRangesAreIgnored() {
        let specs = { (count: Int) in (0..<count).map { "\($0 * 2)-\($0 * 2)" } }
        let most = "bytes=" + specs(ByteRanges.maximumParts).joined(separator: ",")
        let tooMany = "bytes=" + specs(ByteRanges.maximumParts + 1).joined(separator: ",")
        guard case .parts(let parts) = ByteRanges(field: most, sizeBytes: 1000) else {
            Issue.record("as many as allowed were refused")
            return
        }
        #expect(parts.count == ByteRanges.maximumParts)
        #expect(ByteRanges(field: tooMany, sizeBytes: 1000) == .whole)
    }

    @Test func theLargestBodyDoesNotOverflow() {
        let size = UInt64.max
        #expect(ByteRanges(field: "bytes=1-", sizeBytes: size) == .parts([1..<size]))
        #expect(ByteRanges(field: "bytes=-1", sizeBytes: size) == .parts([(size - 1)..<size]))
        // The sum of both overflows 64 bits, and is more than the body in any case.
        #expect(ByteRanges(field: "bytes=0-,0-", sizeBytes: size) == .whole)
    }
}
