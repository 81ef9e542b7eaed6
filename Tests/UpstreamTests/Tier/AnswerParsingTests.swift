// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Testing
import Upstream

@Suite struct AnswerParsingTests {
    @Test func randomBytesAreNoTrouble() throws {
        var generator = SystemRandomNumberGenerator()
        let check = NARInfoCheck(trust: .none, storeDirectory: .standard)
        let base = try HTTPURL(parsing: "http://h/")
        for _ in 0..<300 {
            let length = Int.random(in: 0..<200, using: &generator)
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...20, using: &generator) }
            for text in NARInfoClosure.texts(in: bytes) ?? [] {
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
