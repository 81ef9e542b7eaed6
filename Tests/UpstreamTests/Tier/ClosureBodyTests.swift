// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Testing
import Upstream

@Suite struct ClosureBodyTests {
    @Test func whatIsWrittenIsReadBack() throws {
        let texts = try (1...5).map { try TestPath($0).text }
        let read = try #require(ClosureBody.texts(in: ClosureBody.write(texts)))
        #expect(read.map(Array.init) == texts)
    }

    @Test(arguments: [
        ("a: b\n", ["a: b\n"]), ("a\n\nb\n", ["a\n", "b\n"]),
        ("\n\na\n\n\n\nb\nc\n\n", ["a\n", "b\nc\n"]),
    ])
    func emptyLinesPart(_ text: String, _ expected: [String]) {
        let texts = ClosureBody.texts(in: Array(text.utf8))
        #expect(texts?.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test(arguments: ["", "\n", "\n\n\n", "a", "a\n\nb", "a\n\nb\n\nc: d"])
    func whatIsEmptyOrCutOffIsNone(_ text: String) {
        #expect(ClosureBody.texts(in: Array(text.utf8)) == nil)
    }

    @Test func randomBytesAreNoTrouble() throws {
        var generator = SystemRandomNumberGenerator()
        let check = NARInfoCheck(trust: .none, storeDirectory: .standard)
        let base = try HTTPURL(parsing: "http://h/")
        for _ in 0..<300 {
            let length = Int.random(in: 0..<200, using: &generator)
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...20, using: &generator) }
            for text in ClosureBody.texts(in: bytes) ?? [] {
                #expect(!text.isEmpty)
                #expect((try? check.check(Array(text), for: nil, from: base)) == nil)
            }
        }
    }

    @Test(arguments: [
        ("bytes 5-9/10", 5, 9, 10), ("BYTES 0-0/1", 0, 0, 1), ("bytes 5-9/*", 5, 9, nil as UInt64?),
    ])
    func rangesAreRead(_ text: String, _ first: UInt64, _ last: UInt64, _ total: UInt64?) {
        let range = ContentRange(parsing: text)
        #expect(range?.first == first && range?.last == last && range?.total == total)
    }

    @Test(arguments: [
        "", "bytes", "bytes */10", "bytes 9-5/10", "bytes 0-10/10", "items 0-1/2", "bytes -1-2/3",
        "bytes 0-99999999999999999999/*", "bytes 0-1/2/3", "bytes 0-1-2/3",
    ])
    func brokenRangesAreNone(_ text: String) {
        #expect(ContentRange(parsing: text) == nil)
    }
}
