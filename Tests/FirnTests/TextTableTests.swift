// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct TextTableTests {
    @Test func columnsStandBelowOneAnother() {
        var table = TextTable([.left, .right, .left])
        table.add(["A", "NUMBER", "C"])
        table.addNote("a note that is longer than all of the rows together")
        table.add(["long name", "1", "x"])
        table.add(["b", "", "y"])
        table.add(["c"])
        #expect(
            table.lines(.plain) == [
                "A          NUMBER  C",
                "a note that is longer than all of the rows together",
                "long name       1  x",
                "b                  y",
                "c",
            ]
        )
    }

    @Test func colourTakesNoWidth() {
        var table = TextTable([.left, .left])
        table.add([TextTable.Cell("up", .green), "x"])
        table.add(["down", "y"])
        #expect(table.lines(.coloured) == ["\u{1B}[32mup\u{1B}[0m    x", "down  y"])
    }

    /// A tier's words must not steer the terminal of who reads them.
    @Test func whatComesFromElsewhereIsOnePlainLine() {
        #expect(TextTable.Cell("a\u{1B}[2J\nb\u{202E}c").text == "a [2J b c")
        #expect(Printable.line("ü ✓ 日本") == "ü ✓ 日本")
    }
}
