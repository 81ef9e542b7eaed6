// SPDX-License-Identifier: Apache-2.0
package import CacheService
package import NixFormat

/// The page for a directory inside a store path.
package struct DirectoryPage: Sendable {
    let path: StorePath
    let components: [[UInt8]]
    let entries: [FileAnswer.Entry]

    package init(path: StorePath, components: [[UInt8]], entries: [FileAnswer.Entry]) {
        self.path = path
        self.components = components
        self.entries = entries
    }

    /// Where a place inside a path is on this server; absolute, so that it does not matter whether
    /// the page's own address ends with a slash.
    package static func address(of path: StorePath, _ components: [[UInt8]]) -> String {
        (["/serve", "\(path)"] + components.map(PathEncoding.segment)).joined(separator: "/")
    }

    package var html: HTML {
        let title = ([Array("\(path)".utf8)] + components).map(Self.text).joined(separator: "/")
        var body: HTML = "<h1>\(title)</h1>\n<table>\n"
        if !components.isEmpty {
            let parent = Self.address(of: path, components.dropLast())
            body += "<tr><td><a href=\"\(parent)\">..</a></td></tr>\n"
        }
        for entry in entries { body += row(entry) }
        body += "</table>\n"
        return PageFrame.page(title: title, body)
    }

    private func row(_ entry: FileAnswer.Entry) -> HTML {
        let address = Self.address(of: path, components + [entry.name])
        let mark =
            switch entry.kind {
            case .regular: ""
            case .directory: "/"
            case .symlink: "@"
            }
        return "<tr><td><a href=\"\(address)\">\(Self.text(entry.name))</a>\(mark)</td></tr>\n"
    }

    /// Names have no encoding; what is not UTF-8 shows as replacement characters, and links still work.
    private static func text(_ name: [UInt8]) -> String {
        String(decoding: name, as: UTF8.self)
    }
}
