// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// The line in front of what was added to a file, by which it is found and taken away again.
///
/// - Shape: `# firn use: begin LABEL KEY=VALUE…`, a comment wherever it is put; the sum tells whether
///   somebody changed the lines behind it.
package struct SetupMark: Hashable, Sendable {
    /// The cache's URL.
    package var label: String
    /// The cache as it was named on the command line, where that was not the URL.
    package var alias: String?
    /// For which configuration, where a file serves several: of ``owner(of:)``.
    package var owner: String?
    /// Whether the file is there because of us.
    package var madeFile = false
    /// How many folders above the file are there because of us.
    package var madeFolders = 0
    /// Whether the text in front had no line end, and got one.
    package var addedLineEnd = false
    /// The permissions that the file had, where they were changed.
    package var formerMode: UInt32?

    package init(label: String, alias: String? = nil) {
        self.label = label
        self.alias = alias
    }

    /// A word that stands for a configuration, by its path.
    package static func owner(of path: String) -> String { sum(of: path.utf8) }

    static let beginning = "# firn use: begin "
    static let ending = "# firn use: end "
    private static let mostFolders = 64

    /// What a label or an alias may be made of: nothing that ends a word or a line.
    package static func isWord(_ text: some StringProtocol) -> Bool {
        (1...2_000).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// - Parameter line: Without its line end.
    /// - Returns: The mark and the sum it names, or `nil` for a line that is not one of ours.
    static func parse(_ line: String) -> (mark: SetupMark, sum: String)? {
        guard line.hasPrefix(beginning) else { return nil }
        var words = line.dropFirst(beginning.count)
            .split(separator: " ", omittingEmptySubsequences: false)[...]
        guard let label = words.popFirst(), isWord(label) else { return nil }
        var mark = SetupMark(label: String(label))
        var sum: String?
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1)
            let value = parts.count == 2 ? String(parts[1]) : nil
            switch (parts.first, value) {
            case ("as", let value?) where isWord(value): mark.alias = value
            case ("for", let value?) where isWord(value): mark.owner = value
            case ("sum", let value?): sum = value
            case ("made-file", nil): mark.madeFile = true
            case ("made-folders", let value?):
                guard let count = Int(value), (0...mostFolders).contains(count) else { return nil }
                mark.madeFolders = count
            case ("added-line-end", nil): mark.addedLineEnd = true
            case ("former-mode", let value?):
                guard let mode = UInt32(value, radix: 8), mode <= 0o7777 else { return nil }
                mark.formerMode = mode
            default: return nil
            }
        }
        guard let sum, mark.line(sum: sum) == line else { return nil }
        return (mark, sum)
    }

    func line(sum: String) -> String {
        var words = [label]
        if let alias { words.append("as=\(alias)") }
        if let owner { words.append("for=\(owner)") }
        words.append("sum=\(sum)")
        if madeFile { words.append("made-file") }
        if madeFolders > 0 { words.append("made-folders=\(madeFolders)") }
        if addedLineEnd { words.append("added-line-end") }
        if let formerMode { words.append("former-mode=\(String(formerMode, radix: 8))") }
        return Self.beginning + words.joined(separator: " ")
    }

    /// Tells two bodies apart; not a promise against somebody who wants to deceive.
    static func sum(of body: some Sequence<UInt8>) -> String {
        var hasher = SHA256Hasher()
        hasher.update(Array(body))
        return String(hasher.finalize().digestText(.base16).prefix(16))
    }
}
