// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes

/// The frame around every page for people: one style, no script, nothing from elsewhere.
enum PageFrame {
    static func page(title: String, _ body: HTML) -> HTML {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(title)</title>
        <style>
        :root { color-scheme: light dark }
        body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
        pre, code, td { font-family: ui-monospace, monospace }
        pre { overflow-x: auto; padding: .8rem; border: 1px solid #8888; border-radius: .4rem }
        td { padding-right: 2rem; white-space: pre }
        </style>
        </head>
        <body>
        \(body)</body>
        </html>

        """
    }

    /// A whole page as it is sent.
    static func representation(of html: HTML, entityTag: String) -> Representation {
        Representation(
            contentType: "text/html; charset=utf-8",
            entityTag: entityTag,
            lifetime: .short,
            content: .bytes(html.bytes),
            extraHeaders: [
                .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'",
                .xContentTypeOptions: "nosniff",
            ]
        )
    }
}
