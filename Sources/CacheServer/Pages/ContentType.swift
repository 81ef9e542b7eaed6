// SPDX-License-Identifier: Apache-2.0

/// What a file of the store is sent as, told from its name and, where that says nothing, its start.
enum ContentType {
    static func of(_ name: [UInt8], looksLikeText: Bool) -> String {
        let dot = name.lastIndex(of: UInt8(ascii: ".")) ?? name.endIndex
        let ending = String(decoding: name[dot...].dropFirst(), as: UTF8.self).lowercased()
        if let known = byEnding[ending] { return known }
        return looksLikeText ? "text/plain; charset=utf-8" : "application/octet-stream"
    }

    /// What a browser can show or a tool asks for; the rest is text or bytes.
    private static let byEnding = [
        "css": "text/css; charset=utf-8",
        "gif": "image/gif",
        "gz": "application/gzip",
        "htm": "text/html; charset=utf-8",
        "html": "text/html; charset=utf-8",
        "ico": "image/vnd.microsoft.icon",
        "jpeg": "image/jpeg",
        "jpg": "image/jpeg",
        "js": "text/javascript; charset=utf-8",
        "json": "application/json",
        "mjs": "text/javascript; charset=utf-8",
        "otf": "font/otf",
        "pdf": "application/pdf",
        "png": "image/png",
        "svg": "image/svg+xml",
        "tar": "application/x-tar",
        "ttf": "font/ttf",
        "wasm": "application/wasm",
        "webp": "image/webp",
        "woff": "font/woff",
        "woff2": "font/woff2",
        "xhtml": "application/xhtml+xml",
        "xml": "application/xml",
        "xz": "application/x-xz",
        "zip": "application/zip",
        "zst": "application/zstd",
    ]
}
