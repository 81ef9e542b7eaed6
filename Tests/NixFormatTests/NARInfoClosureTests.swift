// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Testing

@Suite struct NARInfoClosureTests {
    @Test func whatIsWrittenIsReadBack() throws {
        let texts = (1...5).map { Array("StorePath: \($0)\nNarSize: 1\n".utf8) }
        let read = try #require(NARInfoClosure.texts(in: NARInfoClosure.write(texts)))
        #expect(read.map(Array.init) == texts)
    }

    @Test(arguments: [
        ("a: b\n", ["a: b\n"]), ("a\n\nb\n", ["a\n", "b\n"]),
        ("\n\na\n\n\n\nb\nc\n\n", ["a\n", "b\nc\n"]),
    ])
    func emptyLinesPart(_ text: String, _ expected: [String]) {
        let texts = NARInfoClosure.texts(in: Array(text.utf8))
        #expect(texts?.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test(arguments: ["", "\n", "\n\n\n", "a", "a\n\nb", "a\n\nb\n\nc: d"])
    func whatIsEmptyOrCutOffIsNone(_ text: String) {
        #expect(NARInfoClosure.texts(in: Array(text.utf8)) == nil)
    }
}
