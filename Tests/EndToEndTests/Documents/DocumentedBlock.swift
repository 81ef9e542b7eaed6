// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Commands of a page that stand together: what is between ```` ```sh ```` and the end.
///
/// A name behind `sh` is the machine whose root's shell it is; such a block is run as it stands.
struct DocumentedBlock: Sendable {
    /// `docs/guide/deploy.md`.
    let page: String
    let machine: String?
    /// As it stands, but for the indentation of a list.
    let script: String
    /// Without comments, lines that go on joined; of a `console` block what is typed.
    let commands: [String]

    static let root = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL

    /// All of README.md and `docs`, in the order of the files' names.
    static func all() throws -> [DocumentedBlock] {
        let docs = root.appending(path: "docs").path()
        let pages = try FileManager.default.subpathsOfDirectory(atPath: docs)
            .filter { $0.hasSuffix(".md") }.sorted()
        return try (["README.md"] + pages.map { "docs/\($0)" }).flatMap(on)
    }

    static func on(_ page: String) throws -> [DocumentedBlock] {
        let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
        let fence = /(?ms)^( *)```(sh|console)(?: ([a-z0-9]+))?\n(.*?)^ *```$/
        return text.matches(of: fence).map { match in
            let script = match.4.split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.hasPrefix(match.1) ? $0.dropFirst(match.1.count) : $0 }
                .joined(separator: "\n")
            return DocumentedBlock(
                page: page,
                machine: match.3.map(String.init),
                script: script,
                commands: commands(script, isConsole: match.2 == "console")
            )
        }
    }

    private static func commands(_ script: String, isConsole: Bool) -> [String] {
        script.replacing(/\\\n */, with: "").split(separator: "\n").compactMap { line in
            if isConsole { return line.hasPrefix("$ ") ? String(line.dropFirst(2)) : nil }
            // A comment stands behind two spaces at least, or is all of the line.
            let command = line.replacing(/(?:  +|^)#.*$/, with: "")
                .trimmingCharacters(in: .whitespaces)
            return command.isEmpty ? nil : command
        }
    }
}
