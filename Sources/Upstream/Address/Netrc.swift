// SPDX-License-Identifier: Apache-2.0

/// The names and passwords of a netrc file, by host, as curl reads it.
///
/// Its description tells hosts only, so that no log gets a password.
///
/// - Source: curl, "everything curl: .netrc"; ports and paths play no part.
package struct Netrc: Sendable, Hashable {
    /// What a host is told.
    package struct Login: Sendable, Hashable {
        package var name: String
        package var password: String
    }

    private var logins: [String: Login] = [:]
    private var fallback: Login?

    /// Reads the text; words that mean nothing to us are passed over, as curl does.
    package init(parsing text: some StringProtocol) {
        var words = Self.words(of: String(text))[...]
        var host: String?
        var isOpen = false
        var login = Login(name: "", password: "")
        func close(_ netrc: inout Netrc) {
            guard isOpen else { return }
            if let host {
                // The first entry of a host counts.
                if netrc.logins[host] == nil { netrc.logins[host] = login }
            } else if netrc.fallback == nil {
                netrc.fallback = login
            }
        }
        while let word = words.popFirst() {
            switch word {
            case "machine", "default":
                close(&self)
                host = word == "machine" ? words.popFirst()?.lowercased() ?? "" : nil
                login = Login(name: "", password: "")
                isOpen = true
            case "login": login.name = words.popFirst() ?? ""
            case "password": login.password = words.popFirst() ?? ""
            case "account": _ = words.popFirst()
            default: break
            }
        }
        close(&self)
    }

    /// What to tell this host; `nil` for nothing.
    package func login(for host: String) -> Login? { logins[host.lowercased()] ?? fallback }

    /// Words end at white space; quotation marks keep it, a backslash in them the next character.
    private static func words(of text: String) -> [String] {
        var words: [String] = []
        var isMacro = false
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            if isMacro {
                // A macro goes on to the next empty line.
                isMacro = !line.allSatisfy(\.isWhitespace)
                continue
            }
            var rest = line[...]
            while let word = nextWord(&rest) {
                if word == "macdef" {
                    isMacro = true
                    break
                }
                words.append(word)
            }
        }
        return words
    }

    private static func nextWord(_ line: inout Substring) -> String? {
        line = line.drop(while: \.isWhitespace)
        // A comment goes to the end of the line; in quotation marks it is none.
        guard let first = line.first, first != "#" else { return nil }
        guard first == "\"" else {
            let word = line.prefix { !$0.isWhitespace }
            line = line[word.endIndex...]
            return String(word)
        }
        line.removeFirst()
        var word = ""
        while let character = line.popFirst(), character != "\"" {
            if character == "\\", let escaped = line.popFirst() {
                word.append(escaped == "n" ? "\n" : escaped == "t" ? "\t" : escaped)
            } else {
                word.append(character)
            }
        }
        return word
    }
}

extension Netrc: CustomStringConvertible, CustomReflectable {
    package var description: String { "Netrc(\(logins.keys.sorted().joined(separator: ", ")))" }
    package var customMirror: Mirror { Mirror(self, children: ["hosts": logins.keys.sorted()]) }
}
