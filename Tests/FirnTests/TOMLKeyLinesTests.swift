// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct TOMLKeyLinesTests {
    private let lines = TOMLKeyLines(
        #"""
        # [commented.out]
        top = 1
        [server]   # a comment
        listen = [
            "[::]:5000",  # not a key = 1
            'unix:/a]b',
        ]
        "quoted key" = """
        inside = 1 \"""
        [not-a-section]
        """
        priority = 30
        tls = { certificate = "a", key = "b, c = }" }
        [ store . "r.oo\u0074" ]
        'lit\eral'.dotted . deep = true
        [[tier]]
        urls = [{ url = "x" }, { name
            = '''
        y = 1
        ''' }]
        last=2026-01-01T00:00:00Z
        """#
    )

    @Test(arguments: [
        (["top"], 2), (["server"], 3), (["server", "listen"], 4),
        (["server", "quoted key"], 8), (["server", "priority"], 12), (["server", "tls"], 13),
        (["server", "tls", "certificate"], 13), (["server", "tls", "key"], 13), (["store"], 14),
        (["store", "r.oot"], 14), (["store", "r.oot", "lit\\eral", "dotted"], 15),
        (["store", "r.oot", "lit\\eral", "dotted", "deep"], 15), (["tier"], 16),
        (["tier", "urls"], 17), (["tier", "urls", "url"], 17), (["tier", "urls", "name"], 17),
        (["tier", "last"], 21),
    ])
    func everyWayToWriteAKeyHasItsLine(_ path: [String], _ line: Int) {
        #expect(lines.line(of: path) == line)
    }

    /// Every element of an array has lines of its own, whichever way it is written.
    @Test func elementsOfArraysAreToldApart() {
        let lines = TOMLKeyLines(
            """
            [[tier]]
            name = "a"
            [tier.more]
            deep = 1
            [[tier]]

            name = "b"
            urls = [
                "x",
                "y",
            ]
            [other]
            list = [{ key = 1 },
                { key = 2 }]
            """
        )
        let (first, second) = (TOMLKeyLines.element(0), TOMLKeyLines.element(1))
        #expect(lines.line(of: ["tier", first]) == 1)
        #expect(lines.line(of: ["tier", first, "name"]) == 2)
        #expect(lines.line(of: ["tier", first, "more", "deep"]) == 4)
        #expect(lines.line(of: ["tier", second]) == 5)
        #expect(lines.line(of: ["tier", second, "name"]) == 7)
        #expect(lines.line(of: ["tier", second, "more"]) == nil)
        #expect(lines.line(of: ["tier", second, "urls", second]) == 10)
        #expect(lines.line(of: ["tier", "name"]) == 2)
        #expect(lines.line(of: ["other", "list", first, "key"]) == 13)
        #expect(lines.line(of: ["other", "list", second, "key"]) == 14)
    }

    @Test(arguments: [
        ["commented", "out"], ["inside"], ["server", "inside"], ["not-a-section"],
        ["server", "not a key"], ["server", "tls", "c"], ["tier", "y"], ["tier", "urls", "y"],
    ])
    func whatOnlyLooksLikeAKeyHasNone(_ path: [String]) {
        #expect(lines.line(of: path) == nil)
    }

    @Test func windowsLineEndsCountOnce() {
        let lines = TOMLKeyLines("a = 1\r\n[b]\r\nc = 'x'\r\n")
        #expect(lines.line(of: ["b", "c"]) == 3)
    }

    /// The parser refuses these; the scanner must end all the same.
    @Test(arguments: [
        "[", "[[", "a", "a =", "a = [", "a = {", "=", "\"", "a = \"\"\"", "]", "a.b.", "a = \"\\",
    ])
    func brokenDocumentsEnd(_ text: String) {
        _ = TOMLKeyLines(text)
    }
}
