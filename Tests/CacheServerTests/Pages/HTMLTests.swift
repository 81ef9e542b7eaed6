// SPDX-License-Identifier: Apache-2.0
import CacheServer
import Testing

@Suite struct HTMLTests {
    @Test func whatIsPutInIsText() {
        let text = #"<b a="1" c='2'>&amp;</b>"#
        let html: HTML = "<i title=\"\(text)\">\(text)</i>"
        let escaped = "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;&lt;/b&gt;"
        #expect(html.markup == "<i title=\"\(escaped)\">\(escaped)</i>")
    }

    @Test func markupIsPutInAsItIs() {
        let inner: HTML = "<b>\("<")</b>"
        let outer: HTML = "<p>\(inner)\(3)</p>"
        #expect(outer.markup == "<p><b>&lt;</b>3</p>")
    }

    @Test func controlCharactersDoNotGetThrough() {
        let html: HTML = "\("a\u{0}\u{1B}\n\u{7F}é😀")"
        #expect(html.markup == "a\u{FFFD}\u{FFFD}\n\u{FFFD}é😀")
    }
}
