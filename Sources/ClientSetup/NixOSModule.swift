// SPDX-License-Identifier: Apache-2.0

/// A NixOS module that makes a ``ClientGoal`` hold, as a file of its own.
package struct NixOSModule: Sendable {
    package enum Failure: Error, Hashable, CustomStringConvertible {
        case change(ConfChange.Failure)
        /// The file is somebody else's, or another cache's.
        case taken(path: String)

        package var description: String {
            switch self {
            case .change(let failure): "\(failure)"
            case .taken(let path):
                "\(path): is there, and is not the module of this cache; name another file with --out"
            }
        }
    }

    package let path: String
    /// As it is; `nil` where it is not there.
    package let bytes: [UInt8]?
    package let isForced: Bool

    package init(path: String, bytes: [UInt8]?, isForced: Bool) {
        self.path = path
        self.bytes = bytes
        self.isForced = isForced
    }

    /// The module's text; `nil` where it is there already.
    package func adding(_ goal: ClientGoal, _ mark: SetupMark) throws(Failure) -> [UInt8]? {
        let body = Self.body(goal)
        let marked = try marked()
        guard let bytes, !bytes.isEmpty else {
            return marked.adding(body, mark, at: .end)
        }
        guard let old = marked.blocks(of: mark.label).first, old.range == 0..<bytes.count else {
            throw .taken(path: path)
        }
        if old.body == body { return nil }
        guard old.isUntouched || isForced else {
            throw .change(.edited(path: path, label: old.mark.label))
        }
        return marked.replacing(old, by: body)
    }

    package func removing(_ label: String) throws(Failure) -> Removal? {
        let marked = try marked()
        do throws(ConfChange.Failure) {
            return try Removal(of: label, from: marked, path: path, evenIfEdited: isForced)
        } catch {
            throw .change(error)
        }
    }

    private func marked() throws(Failure) -> MarkedText {
        do throws(MarkedText.Damage) {
            return try MarkedText(parsing: bytes ?? [])
        } catch {
            throw .change(.damaged(path: path, error))
        }
    }

    private static func body(_ goal: ClientGoal) -> [UInt8] {
        var lines: [String] = []
        if goal.isSole {
            lines.append("substituters = lib.mkForce [ \(quoted(goal.url)) ];")
        } else {
            lines.append("extra-substituters = [ \(quoted(goal.url)) ];")
        }
        if !goal.publicKeys.isEmpty {
            let keys = goal.publicKeys.map { "\n      \(quoted($0))" }.joined()
            lines.append("extra-trusted-public-keys = [\(keys)\n    ];")
        }
        if let netrc = goal.netrcFile { lines.append("netrc-file = \(quoted(netrc));") }
        for setting in goal.settings {
            lines.append("\(setting.name) = \(value(setting.value));")
        }
        let settings = lines.map { "    \($0)\n" }.joined()
        return Array(
            "{ \(goal.isSole ? "lib, " : "")... }:\n\n{\n  nix.settings = {\n\(settings)  };\n}\n"
                .utf8
        )
    }

    private static func value(_ text: String) -> String {
        switch text {
        case "true", "false": text
        case _ where Int(text) != nil: text
        default: quoted(text)
        }
    }

    /// - Source: Nix manual, "String literal".
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if "\"\\$".unicodeScalars.contains(scalar) { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }
}
