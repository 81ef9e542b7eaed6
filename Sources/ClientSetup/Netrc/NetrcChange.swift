// SPDX-License-Identifier: Apache-2.0

/// The change of a netrc file after which a host is told a token.
///
/// What is added goes to the front, where nothing hides it: neither a `default` nor a macro that has
/// no end.
package struct NetrcChange: Sendable {
    package enum Failure: Error, Hashable, CustomStringConvertible {
        case change(ConfChange.Failure)
        /// The host is told something else, for another cache or by hand.
        case otherToken(path: String, host: String)
        /// What is in front would not be an entry of its own any more.
        case strayWords(path: String)

        package var description: String {
            switch self {
            case .change(let failure): "\(failure)"
            case .otherToken(let path, let host):
                "\(path): has another token for \(host), and Nix has one for all caches of a host; with"
                    + " --force this one goes in front of it, and the other caches of \(host) are told"
                    + " this one too"
            case .strayWords(let path):
                "\(path): begins with words that belong to no machine, and would be part of what is put"
                    + " in front of them; put that right first"
            }
        }
    }

    /// Who a host is told that we are.
    package struct Login: Hashable, Sendable {
        /// In lower case; an IPv6 address without brackets.
        package var host: String
        /// `nil` where only the password counts.
        package var name: String?
        package var password: String

        package init(host: String, name: String?, password: String) {
            self.host = host
            self.name = name
            self.password = password
        }

        /// Whether every version of curl reads a password as it is: quotation marks and comments are
        /// not the same in all of them.
        package static func isPlain(_ password: String) -> Bool {
            !password.isEmpty
                && password.utf8.allSatisfy {
                    (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x23 && $0 != 0x5C
                }
        }
    }

    package let path: String
    /// As it is; `nil` where it is not there.
    package let bytes: [UInt8]?
    /// Whether another token and lines that somebody changed may be passed over.
    package let isForced: Bool

    package init(path: String, bytes: [UInt8]?, isForced: Bool) {
        self.path = path
        self.bytes = bytes
        self.isForced = isForced
    }

    /// The text in which the host is told the token; `nil` where it is already.
    package func adding(_ login: Login, _ mark: SetupMark) throws(Failure) -> [UInt8]? {
        let marked = try marked()
        let old = marked.blocks(of: mark.label, for: mark.owner).first
        let rest = old.map { marked.removing($0) } ?? marked.bytes
        let body = Self.body(login)
        if let old, old.body == body, told(login, by: marked.bytes) { return nil }
        if let old, !old.isUntouched, !isForced {
            throw .change(.edited(path: path, label: old.mark.label))
        }
        if old == nil, isToldByOthers(login, marked) { return nil }
        let netrc = NetrcText(parsing: rest)
        guard !netrc.hasStrayWords else { throw .strayWords(path: path) }
        if !isForced, let known = netrc.entry(for: login.host), known.host != nil,
            known.password != login.password
        {
            throw .otherToken(path: path, host: login.host)
        }
        guard let old else { return marked.adding(body, mark, at: .start) }
        let replaced = marked.replacing(old, by: body)
        if told(login, by: replaced) { return replaced }
        guard let without = try? MarkedText(parsing: rest) else { return replaced }
        var moved = old.mark
        if !without.blocks.isEmpty {
            moved = SetupMark(label: old.mark.label, alias: old.mark.alias)
            moved.owner = old.mark.owner
        }
        return without.adding(body, moved, at: .start)
    }

    /// The text without the lines of a cache; `nil` where there are none.
    package func removing(_ label: String, for owner: String?) throws(Failure) -> Removal? {
        let marked = try marked()
        do throws(ConfChange.Failure) {
            return try Removal(
                of: label,
                for: owner,
                from: marked,
                path: path,
                evenIfEdited: isForced
            )
        } catch {
            throw .change(error)
        }
    }

    private func told(_ login: Login, by text: [UInt8]) -> Bool {
        NetrcText(parsing: text).entry(for: login.host)?.password == login.password
    }

    /// Whether the host is told the token by lines that no cache's removal takes away.
    private func isToldByOthers(_ login: Login, _ marked: MarkedText) -> Bool {
        guard let entry = NetrcText(parsing: marked.bytes).entry(for: login.host) else {
            return false
        }
        let isOurs = marked.blocks.contains { $0.range.contains(entry.start) }
        return !isOurs && entry.password == login.password
    }

    private func marked() throws(Failure) -> MarkedText {
        do throws(MarkedText.Damage) {
            return try MarkedText(parsing: bytes ?? [])
        } catch {
            throw .change(.damaged(path: path, error))
        }
    }

    private static func body(_ login: Login) -> [UInt8] {
        let name = login.name.map { " login \($0)" } ?? ""
        return Array("machine \(login.host)\(name) password \(login.password)\n".utf8)
    }
}
