// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

/// The frame around every page for people: one style, nothing from elsewhere.
///
/// Style and script stand in the page and are named to the browser by their hashes, so that nothing
/// else runs, whatever gets into a page.
enum PageFrame {
    static func page(title: String, _ body: HTML, script: HTML? = nil) -> HTML {
        let tail: HTML = script.map { script in "<script>\(script)</script>\n" } ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title)</title>
            <style>\(style)</style>
            </head>
            <body>
            <main>
            \(body)</main>
            \(tail)</body>
            </html>

            """
    }

    /// A whole page as it is sent; one with a script changes, and is not kept.
    static func representation(
        of html: HTML,
        entityTag: String?,
        hasScript: Bool = false
    ) -> Representation {
        Representation(
            contentType: "text/html; charset=utf-8",
            entityTag: entityTag,
            lifetime: hasScript ? .none : .short,
            content: .bytes(html.bytes),
            allowsRanges: !hasScript,
            extraHeaders: [
                .contentSecurityPolicy: hasScript ? "\(policy); \(scriptPolicy)" : policy,
                .xContentTypeOptions: "nosniff",
            ]
        )
    }

    private static let policy =
        "default-src 'none'; style-src '\(source(style))'; base-uri 'none'; form-action 'none';"
        + " frame-ancestors 'none'"

    private static let scriptPolicy = "script-src '\(source(liveScript))'; connect-src 'self'"

    /// - Source: CSP Level 3, "hash-source".
    private static func source(_ text: HTML) -> String {
        "sha256-" + Base64.encode(SHA256Hasher.hash(text.bytes).digest)
    }

    private static let style: HTML = """
        :root { color-scheme: light dark; --up: #176b2c; --down: #b3001b; --rest: #7a4b00; --line: #8888 }
        @media (prefers-color-scheme: dark) { :root { --up: #6fd58a; --down: #ff8f8f; --rest: #f0b95c } }
        * { box-sizing: border-box }
        body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; background: Canvas; color: CanvasText }
        main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
        h1, h2, h3 { line-height: 1.25 }
        h2 { margin-top: 2.25rem }
        p, li { overflow-wrap: anywhere; max-width: 46rem }
        pre, code { font-family: ui-monospace, monospace; font-size: .9em }
        pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); border-radius: .4rem }
        pre code { user-select: all }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums }
        th, td { text-align: left; padding: .35rem 1.25rem .35rem 0; white-space: nowrap; vertical-align: middle }
        thead th { font-weight: 600; border-bottom: 1px solid var(--line) }
        tbody th { font-weight: 600; white-space: normal; overflow-wrap: anywhere; min-width: 5rem }
        tbody th code { font-weight: 400 }
        tbody tr + tr > * { border-top: 1px solid #8883 }
        .wide { overflow-x: auto }
        .up { color: var(--up) }
        .down { color: var(--down) }
        .rest { color: var(--rest) }
        :focus-visible { outline: 3px solid Highlight; outline-offset: 2px }
        svg { display: block; width: 10rem; height: 2rem; fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round }
        meter { width: 6rem; vertical-align: middle }
        @media (max-width: 40rem) {
          h1 { font-size: 1.6rem }
          table { font-size: .9rem }
          th, td { padding-right: .8rem }
          meter { width: 3.5rem }
          svg { width: 7rem }
        }
        summary { cursor: pointer; padding: .35rem 0; overflow-wrap: anywhere }

        """

    /// Replaces each section that has changed, unless somebody is in it with the keyboard.
    static let liveScript: HTML = """
        "use strict";
        const note = document.getElementById("note");
        const say = (text) => { if (note.textContent !== text) note.textContent = text; };
        const events = new EventSource("/status/events");
        events.onmessage = (event) => {
          const page = new DOMParser().parseFromString(event.data, "text/html");
          for (const part of page.querySelectorAll("section")) {
            const old = document.getElementById(part.id);
            if (!old || old.innerHTML === part.innerHTML || old.contains(document.activeElement)) continue;
            const open = [...old.querySelectorAll("details")].map((one) => one.open);
            old.innerHTML = part.innerHTML;
            old.querySelectorAll("details").forEach((one, place) => { one.open = open[place] === true; });
          }
          say("Live: it changes by itself.");
        };
        events.onerror = () => say("Not connected to the cache; trying again.");

        """
}
