// SPDX-License-Identifier: Apache-2.0

/// The change of one nix.conf that makes a ``ClientGoal`` hold.
package struct ConfChange {
    package enum Failure: Error, Hashable, CustomStringConvertible {
        case damaged(path: String, MarkedText.Damage)
        case unreadable(ConfReader.Failure)
        /// Lines of ours were changed by hand, so that another version would lose that.
        case edited(path: String, label: String)

        package var description: String {
            switch self {
            case .damaged(let path, let damage): "\(path): \(damage)"
            case .unreadable(let failure): "\(failure)"
            case .edited(let path, let label):
                "\(path): the lines of firn use for \(label) were changed by hand; with --force they"
                    + " go, without asking what they are for"
            }
        }
    }

    /// The files that Nix reads, in the order in which they apply; ``path`` is among them.
    package var files: [String]
    /// The one that is changed.
    package var path: String
    /// As it is; `nil` where it is not there.
    package var bytes: [UInt8]?
    /// Where Nix looks for a netrc without being told.
    package var standardNetrc: String
    /// Whether lines that somebody changed may be replaced.
    package var replacesEdits = false
    private let content: (String) -> ConfReader.Content

    package init(
        files: [String],
        path: String,
        bytes: [UInt8]?,
        standardNetrc: String,
        content: @escaping (String) -> ConfReader.Content
    ) {
        self.files = files
        self.path = path
        self.bytes = bytes
        self.standardNetrc = standardNetrc
        self.content = content
    }

    /// What is in effect with another text of the file, or with the one it has.
    package func settings(with text: [UInt8]? = nil) throws(Failure) -> ClientSettings {
        let replacement = text ?? bytes
        do throws(ConfReader.Failure) {
            return try ConfReader.settings(of: files) { [path, content] file in
                file == path ? replacement.map { .bytes($0) } ?? .missing : content(file)
            }
        } catch {
            throw .unreadable(error)
        }
    }

    /// What is in effect without what was added for a cache.
    package func settings(without label: String) throws(Failure) -> ClientSettings {
        let marked = try marked()
        guard let block = marked.blocks(of: label).first else { return try settings() }
        return try settings(with: marked.removing(block))
    }

    /// The text in which the goal holds; `nil` where it holds already.
    ///
    /// Doing it twice changes nothing the second time.
    ///
    /// `mark`: For the lines that are added; one that is there already keeps its own.
    package func adding(_ goal: ClientGoal, _ mark: SetupMark) throws(Failure) -> [UInt8]? {
        let marked = try marked()
        guard let old = marked.blocks(of: mark.label).first else {
            let lines = goal.missing(from: try settings(), standardNetrc: standardNetrc)
            guard !lines.isEmpty else { return nil }
            return marked.adding(Self.body(lines), mark, at: .end)
        }
        let rest = marked.removing(old)
        let lines = goal.missing(from: try settings(with: rest), standardNetrc: standardNetrc)
        let body = Self.body(lines)
        let stillMissing = goal.missing(from: try settings(), standardNetrc: standardNetrc)
        if old.body == body, stillMissing.isEmpty { return nil }
        guard old.isUntouched || replacesEdits else {
            throw .edited(path: path, label: old.mark.label)
        }
        guard !lines.isEmpty else { return rest }
        let replaced = marked.replacing(old, by: body)
        let open = goal.missing(from: try settings(with: replaced), standardNetrc: standardNetrc)
        if open.isEmpty { return replaced }
        // Something behind the lines undoes them.
        var moved = mark
        guard let without = try? MarkedText(parsing: rest) else { return replaced }
        if without.blocks.isEmpty {
            moved.madeFile = old.mark.madeFile
            moved.madeFolders = old.mark.madeFolders
        } else {
            moved.madeFile = false
            moved.madeFolders = 0
        }
        return without.adding(body, moved, at: .end)
    }

    /// The text without the lines of a cache; `nil` where there are none.
    package func removing(_ label: String) throws(Failure) -> Removal? {
        try Removal(of: label, from: marked(), path: path, evenIfEdited: replacesEdits)
    }

    private func marked() throws(Failure) -> MarkedText {
        do throws(MarkedText.Damage) {
            return try MarkedText(parsing: bytes ?? [])
        } catch {
            throw .damaged(path: path, error)
        }
    }

    private static func body(_ lines: [ClientGoal.Setting]) -> [UInt8] {
        Array(lines.map { "\($0.name) = \($0.value)\n" }.joined().utf8)
    }
}
