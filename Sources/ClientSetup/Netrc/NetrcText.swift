// SPDX-License-Identifier: Apache-2.0

/// A netrc file as places in a text, so that it can be added to, and shown without what it keeps.
///
/// Its description tells hosts only, so that no log gets a password.
///
/// - Source: curl, "everything curl: .netrc"; ports and paths play no part.
package struct NetrcText: Sendable {
    /// A `machine` or the `default`, and what it is told.
    package struct Entry: Sendable {
        /// In lower case; `nil` is every host that no entry in front is for.
        package var host: String?
        package var login = ""
        package var password = ""
        /// Where the entry begins, in bytes from the start of the text.
        package var start: Int
    }

    package let bytes: [UInt8]
    package let entries: [Entry]
    /// Whether there are words in front of the first entry: they would belong to one put there.
    package let hasStrayWords: Bool
    /// Every word that stands where a password does, and every comment with one in it, in the order of
    /// the text.
    private let secrets: [(text: String, range: Range<Int>)]

    package init(parsing bytes: [UInt8]) {
        self.bytes = bytes
        var entries: [Entry] = []
        var secrets: [(text: String, range: Range<Int>)] = []
        var words = NetrcWords(bytes)
        var hasStrayWords = false
        while let word = words.next() {
            if entries.isEmpty, word.text != "machine", word.text != "default" {
                hasStrayWords = true
            }
            switch word.text {
            case "machine":
                let host = words.next()?.text.lowercased()
                entries.append(Entry(host: host ?? "", start: word.range.lowerBound))
            case "default": entries.append(Entry(host: nil, start: word.range.lowerBound))
            case "login", "account", "password":
                let value = words.next()
                if word.text == "password", let value {
                    secrets.append((value.text, value.range))
                }
                guard !entries.isEmpty else { break }
                if word.text == "login" { entries[entries.count - 1].login = value?.text ?? "" }
                if word.text == "password" {
                    entries[entries.count - 1].password = value?.text ?? ""
                }
            default: break
            }
        }
        // What was commented out is a password all the same.
        for range in words.comments {
            let comment = String(decoding: bytes[range], as: UTF8.self)
            if comment.contains("password") { secrets.append((comment, range)) }
        }
        secrets.sort { $0.range.lowerBound < $1.range.lowerBound }
        self.entries = entries
        self.hasStrayWords = hasStrayWords
        self.secrets = secrets
    }

    /// What a host is told: by the first entry that is for it.
    package func entry(for host: String) -> Entry? {
        let name = host.lowercased()
        return entries.first { $0.host == name } ?? entries.first { $0.host == nil }
    }

    /// The text with stars where passwords are; those that are not in `other` are said to be new.
    package func masked(comparedWith other: NetrcText?) -> [UInt8] {
        let known = Set(other?.secrets.map(\.text) ?? [])
        var result: [UInt8] = []
        var position = 0
        for (text, range) in secrets {
            result += bytes[position..<range.lowerBound]
            let isNew = other != nil && !known.contains(text)
            if bytes[range.lowerBound] == 0x23 { result += Array("# ".utf8) }
            result += Array((isNew ? "******** (new)" : "********").utf8)
            position = range.upperBound
            // What follows stays a word of its own.
            if position < bytes.count, bytes[position] > 0x20 { result.append(0x20) }
        }
        return result + bytes[position...]
    }
}

extension NetrcText: CustomStringConvertible, CustomReflectable {
    private var hosts: [String] { entries.map { $0.host ?? "default" } }
    package var description: String { "NetrcText(\(hosts.joined(separator: ", ")))" }
    package var customMirror: Mirror { Mirror(self, children: ["hosts": hosts]) }
}
