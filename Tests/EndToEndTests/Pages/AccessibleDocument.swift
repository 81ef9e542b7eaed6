// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What somebody who does not see a page, or has no mouse, needs of it.
///
/// - Source: WCAG 2.2, the criteria that can be told from the document alone.
struct AccessibleDocument {
    let html: String

    /// What is missing, as sentences.
    var complaints: [String] {
        var complaints: [String] = []
        func require(_ holds: Bool, _ text: String) { if !holds { complaints.append(text) } }
        require(tags("html").contains { $0.contains("lang=") }, "the page has no language")
        require(html.contains(/<title>[^<]+<\/title>/), "the page has no title")
        require(tags("main").count == 1, "there is not one main landmark")
        require(tags("h1").count == 1, "there is not one first heading")
        require(
            tags("meta").contains { $0.contains("width=device-width") },
            "the page is not made for phones"
        )
        require(!html.contains("user-scalable=no"), "the page cannot be enlarged")
        for (before, after) in zip(headings, headings.dropFirst()) where after > before + 1 {
            complaints.append("a heading of level \(after) follows one of level \(before)")
        }
        complaints += identifiers + names
        for tag in tags("th") where !tag.contains("scope=") {
            complaints.append("a head of a table has no scope: \(tag)")
        }
        require(!html.contains(/[ ]on[a-z]+="/), "there is a handler in the markup")
        require(!html.contains(/tabindex="[1-9]/), "the order of the keyboard is changed")
        require(!html.contains(/(?:src|href)="(?:https?:)?\/\//), "something is from elsewhere")
        return complaints
    }

    private func tags(_ name: String) -> [String] {
        guard let pattern = try? Regex("<\(name)(?: [^>]*)?>") else { return [] }
        return html.matches(of: pattern).map { String(html[$0.range]) }
    }

    private var headings: [Int] { html.matches(of: /<h([1-6])[ >]/).compactMap { Int($0.1) } }

    private var identifiers: [String] {
        let all = html.matches(of: /[ ]id="([^"]+)"/).map { String($0.1) }
        let twice = Set(all.filter { id in all.count { $0 == id } > 1 })
        let missing = html.matches(of: /aria-labelledby="([^"]+)"/).map { String($0.1) }
            .filter { !all.contains($0) }
        return twice.map { "two things are called \($0)" }
            + missing.map { "nothing is called \($0)" }
    }

    /// Whatever is shown and is no text has a name.
    private var names: [String] {
        let nameless =
            tags("meter") + tags("svg") + tags("section") + tags("img")
            + tags("div").filter { $0.contains("role=") || $0.contains("tabindex") }
        var complaints = nameless.filter { !$0.contains("aria-label") && !$0.contains("alt=") }
            .map { "nothing says what this is: \($0)" }
        for link in html.matches(of: /<a [^>]*>([^<]*)<\/a>/) where link.1.isEmpty {
            complaints.append("a link has no text")
        }
        return complaints
    }
}

/// Colours against each other.
///
/// - Source: WCAG 2.2, "contrast ratio" and "relative luminance".
enum Contrast {
    static func ratio(_ one: String, _ other: String) -> Double? {
        guard let first = luminance(one), let second = luminance(other) else { return nil }
        return (max(first, second) + 0.05) / (min(first, second) + 0.05)
    }

    /// Of a colour such as `#rrggbb`.
    private static func luminance(_ colour: String) -> Double? {
        guard colour.count == 7, let value = Int(colour.dropFirst(), radix: 16) else { return nil }
        let parts = [value >> 16, value >> 8 & 0xFF, value & 0xFF].map { part in
            let share = Double(part) / 255
            return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
}
