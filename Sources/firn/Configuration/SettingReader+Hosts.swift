// SPDX-License-Identifier: Apache-2.0
import Fleet
import NixFormat

extension SettingReader where Value == HostName? {
    static let hostName = SettingReader(
        form: .text,
        expected: "the name of a host",
        read: { input, _ throws(SettingProblem) in
            let text = try input.requireText()
            do throws(HostName.ParseError) {
                return try HostName(parsing: text)
            } catch {
                throw .malformed(text, reason: "\(error)")
            }
        },
        write: { $0.map { quoted("\($0)") } ?? "" }
    )
}

extension SettingReader where Value == [HostAddress] {
    static let hostAddresses = SettingReader(
        form: .list,
        expected: "an array of 1 to \(HostLimits.addresses) names or addresses",
        read: { input, _ throws(SettingProblem) in
            let texts = try input.requireTexts(atMost: HostLimits.addresses)
            guard !texts.isEmpty else { throw .malformed("[]", reason: "leaves nowhere to go") }
            return try texts.map(parse)
        },
        write: { $0.isEmpty ? "" : list($0.map(\.description)) }
    )

    static let endpoints = SettingReader(
        form: .list,
        expected: "an array of HOST:PORT",
        read: { input, _ throws(SettingProblem) in
            try input.requireTexts(atMost: HostLimits.checks).map { text throws(SettingProblem) in
                let address = try parse(text)
                guard address.port != nil else { throw .malformed(text, reason: "has no port") }
                return address
            }
        },
        write: { list($0.map(\.description)) }
    )

    private static func parse(_ text: String) throws(SettingProblem) -> HostAddress {
        do throws(HostAddress.ParseError) {
            return try HostAddress(parsing: text)
        } catch {
            throw .malformed(text, reason: "\(error)")
        }
    }
}

extension SettingReader where Value == [HostTag] {
    static let hostTags = SettingReader(
        form: .list,
        expected: "an array of names",
        read: { input, _ throws(SettingProblem) in
            try input.requireTexts(atMost: HostLimits.checks).map { text throws(SettingProblem) in
                do throws(HostName.ParseError) {
                    return try HostTag(parsing: text)
                } catch {
                    throw .malformed(text, reason: "\(error)")
                }
            }
        },
        write: { list($0.map(\.description)) }
    )
}

extension SettingReader where Value == MACAddress? {
    static let macAddress = SettingReader(
        form: .text,
        expected: "an address such as \"aa:bb:cc:dd:ee:ff\"",
        read: { input, _ throws(SettingProblem) in
            let text = try input.requireText()
            do throws(MACAddress.ParseError) {
                return try MACAddress(parsing: text)
            } catch {
                throw .malformed(text, reason: "is not the address of one card")
            }
        },
        write: { $0.map { quoted("\($0)") } ?? "" }
    )
}

extension SettingReader where Value == String? {
    static let userName = plainWord(
        "a user's name",
        allowing: "-_.",
        reason: "is not a name that a user can have"
    )

    static let systemType = plainWord(
        "a kind of machine such as \"x86_64-linux\"",
        allowing: "-_",
        reason: "is no kind of machine"
    )

    static let webAddress = SettingReader(
        form: .text,
        expected: "a URL such as \"http://127.0.0.1:5000\"",
        read: { input, _ throws(SettingProblem) in
            let text = try input.requireText()
            guard !text.hasPrefix("file:"), PullTier.isAddress(text) else {
                throw .malformed(text, reason: "is not a URL of http or https")
            }
            return text
        },
        write: { $0.map { quoted($0) } ?? "" }
    )

    private static func plainWord(
        _ expected: String,
        allowing others: String,
        reason: String
    ) -> SettingReader {
        SettingReader(
            form: .text,
            expected: expected,
            read: { input, _ throws(SettingProblem) in
                let text = try input.requireText()
                let isPlain = text.allSatisfy {
                    $0.isASCII && ($0.isLetter || $0.isNumber) || others.contains($0)
                }
                guard isPlain, text.count <= 64, let first = text.first, !"-.".contains(first)
                else { throw .malformed(text, reason: reason) }
                return text
            },
            write: { $0.map { quoted($0) } ?? "" }
        )
    }
}

extension SettingReader where Value == [String] {
    static func texts(_ expected: String) -> SettingReader {
        SettingReader(
            form: .list,
            expected: expected,
            read: { input, _ throws(SettingProblem) in
                let texts = try input.requireTexts(atMost: HostLimits.checks)
                for text in texts { try requirePlain(text) }
                return texts
            },
            write: list
        )
    }

    static let webAddresses = SettingReader(
        form: .list,
        expected: "an array of URLs",
        read: { input, _ throws(SettingProblem) in
            let texts = try input.requireTexts(atMost: HostLimits.checks)
            for text in texts {
                try requirePlain(text)
                guard text.hasPrefix("http://") || text.hasPrefix("https://"),
                    !text.contains(where: \.isWhitespace)
                else { throw .malformed(text, reason: "is not a URL of http or https") }
            }
            return texts
        },
        write: list
    )

    private static func requirePlain(_ text: String) throws(SettingProblem) {
        guard !text.isEmpty else { throw .malformed(text, reason: "is empty") }
        guard text.utf8.count <= HostLimits.textBytes else {
            throw .malformed("\(text.prefix(20))…", reason: "is too long")
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .malformed(Printable.line(text), reason: "has a control character in it")
        }
    }
}

extension SettingReader where Value == SystemSource? {
    static let systemSource = SettingReader(
        form: .text,
        expected: "\"FLAKE#ATTRIBUTE\", { file = \"…\", attribute = \"…\" } or a path in the store",
        read: { input, folder throws(SettingProblem) in
            switch input {
            case .text(let text): try parse(text, in: folder)
            case .table(let fields): try file(fields, in: folder)
            case .integer, .flag, .list, .other: throw .wrongType(found: input.typeName)
            }
        },
        write: { source in
            switch source {
            case nil: ""
            case .storePath(let path): quoted(StoreDirectory.standard.path(of: path))
            case .flake(let reference, let attribute): quoted("\(reference)#\(attribute)")
            case .file(let path, nil): "{ file = \(quoted(path)) }"
            case .file(let path, let attribute?):
                "{ file = \(quoted(path)), attribute = \(quoted(attribute)) }"
            }
        },
        narrowerShape: .any
    )

    private static func parse(
        _ text: String,
        in folder: String
    ) throws(SettingProblem) -> SystemSource {
        if text.hasPrefix(StoreDirectory.standard.path + "/"), !text.contains("#") {
            guard let path = try? StoreDirectory.standard.storePath(parsing: text) else {
                throw .malformed(text, reason: "is not a path of one thing in the store")
            }
            return .storePath(path)
        }
        let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw .malformed(text, reason: "has no flake and attribute with # between them")
        }
        return .flake(
            reference: try FlakeReference.resolve(String(parts[0]), in: folder),
            attribute: String(parts[1])
        )
    }

    private static func file(
        _ fields: [String: SettingInput],
        in folder: String
    ) throws(SettingProblem) -> SystemSource {
        for key in fields.keys.sorted() where !["file", "attribute"].contains(key) {
            throw .malformed(key, reason: "is neither \"file\" nor \"attribute\"")
        }
        guard case .text(let path)? = fields["file"], !path.isEmpty else {
            throw .malformed("file", reason: "is missing, or no text")
        }
        let full = path.hasPrefix("/") ? path : "\(folder)/\(path)"
        switch fields["attribute"] {
        case nil: return .file(path: full, attribute: nil)
        case .text(let attribute)? where !attribute.isEmpty && !attribute.hasPrefix("-"):
            return .file(path: full, attribute: attribute)
        default: throw .malformed("attribute", reason: "is not the name of one")
        }
    }
}

extension SettingReader where Value == String {
    static let flakeReference = SettingReader(
        form: .text,
        expected: "a flake such as \".\" or \"github:OWNER/NAME\"",
        read: { input, folder throws(SettingProblem) in
            try FlakeReference.resolve(try input.requireText(), in: folder)
        },
        write: { quoted($0) }
    )
}

/// A flake as Nix takes it.
private enum FlakeReference {
    /// A relative one starts in the folder of whoever wrote it.
    static func resolve(_ text: String, in folder: String) throws(SettingProblem) -> String {
        guard let first = text.first, first != "-" else {
            throw .malformed(text, reason: "is no flake")
        }
        guard !text.contains("#"), !text.contains(where: \.isWhitespace) else {
            throw .malformed(text, reason: "has more in it than a flake")
        }
        if text == "." { return folder.isEmpty ? text : folder }
        guard first == "." else { return text }
        return "\(folder)/\(text)"
    }
}

/// How much a `[hosts.NAME]` may say.
private enum HostLimits {
    static let addresses = 8
    static let checks = 64
    static let textBytes = 4_096
}

extension SettingInput {
    fileprivate func requireTexts(atMost most: Int) throws(SettingProblem) -> [String] {
        let texts = try requireTexts()
        guard texts.count <= most else {
            throw .malformed("\(texts.count)", reason: "are too many")
        }
        return texts
    }
}

private func list(_ texts: [String]) -> String {
    "[" + texts.map { quoted($0) }.joined(separator: ", ") + "]"
}
