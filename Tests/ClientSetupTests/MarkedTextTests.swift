// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Testing

@Suite struct MarkedTextTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Whatever the text is, and in whatever order they go.
    @Test(arguments: 0..<300 as Range<UInt64>)
    func takingAllBlocksAwayGivesBackTheText(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let count = Int.random(in: 0...40, using: &random)
        let original = (0..<count).map { _ in random.pick([0x0A, 0x0D, 0x20, 0x23, 0x61, 0xFF]) }
            .map(UInt8.init)
        var labels = ["http://a", "http://b/team", "https://c"]
        var text = original
        for label in labels {
            var mark = SetupMark(label: label, alias: random.onceIn(2) ? "team" : nil)
            mark.madeFile = text.isEmpty
            let place: MarkedText.Place = random.onceIn(2) ? .start : .end
            let body = Self.bytes("extra-substituters = \(label)\n")
            text = try MarkedText(parsing: text).adding(body, mark, at: place)
        }
        labels.shuffle(using: &random)
        for label in labels {
            let marked = try MarkedText(parsing: text)
            let block = try #require(marked.blocks(of: label).first)
            #expect(block.isUntouched)
            text = marked.removing(block)
        }
        #expect(text == original)
    }

    @Test func whatTheMarkSaysOfTheFilePassesToTheOneThatStays() throws {
        var mark = SetupMark(label: "http://a")
        mark.madeFile = true
        mark.madeFolders = 2
        mark.formerMode = 0o644
        var text = try MarkedText(parsing: []).adding(Self.bytes("a = b\n"), mark, at: .end)
        let second = SetupMark(label: "http://b")
        text = try MarkedText(parsing: text).adding(Self.bytes("c = d\n"), second, at: .end)
        var marked = try MarkedText(parsing: text)
        marked = try MarkedText(parsing: marked.removing(marked.blocks[0]))
        #expect(marked.blocks.map(\.mark.label) == ["http://b"])
        #expect(marked.blocks[0].mark.madeFile)
        #expect(marked.blocks[0].mark.madeFolders == 2)
        #expect(marked.blocks[0].mark.formerMode == 0o644)
        #expect(marked.blocks[0].isUntouched)
    }

    @Test func whatTheUserAddsBehindStays() throws {
        let marked = try MarkedText(parsing: Self.bytes("x = y"))
        var text = marked.adding(Self.bytes("a = b\n"), SetupMark(label: "http://a"), at: .end)
        text += Self.bytes("mine = 1\n")
        let again = try MarkedText(parsing: text)
        #expect(again.removing(again.blocks[0]) == Self.bytes("x = y\nmine = 1\n"))
    }

    @Test func aChangedLineIsSeen() throws {
        let text = try MarkedText(parsing: [])
            .adding(Self.bytes("a = b\n"), SetupMark(label: "http://a"), at: .end)
        let changed = String(decoding: text, as: UTF8.self).replacing("a = b", with: "a = c")
        let marked = try MarkedText(parsing: Self.bytes(changed))
        #expect(!marked.blocks[0].isUntouched)
    }

    @Test(arguments: [
        "# firn use: begin http://a sum=0\na = b\n",
        "# firn use: end http://a\n",
        "# firn use: begin http://a\n# firn use: end http://a\n",
        "# firn use: begin http://a sum=0 sum=1\n# firn use: end http://a\n",
        "# firn use: begin http://a sum=0\n# firn use: end http://b\n",
        "# firn use: begin http://a sum=0\n# firn use: end http://a",
        "# firn use: begin http://a sum=0 made-folders=9999\n# firn use: end http://a\n",
        "# firn use: begin http://a sum=0 new\n# firn use: end http://a\n",
        "# firn use: begin http://a sum=0\n# firn use: begin http://b sum=0\n",
        "# firn use: whatever\n",
    ])
    func marksThatWereChangedAreNotGuessedAt(_ text: String) {
        #expect(throws: MarkedText.Damage.self) { try MarkedText(parsing: Self.bytes(text)) }
    }
}
