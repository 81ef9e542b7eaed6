// SPDX-License-Identifier: Apache-2.0

/// A setting as others are told of it: by the reference page, and by the NixOS module.
package struct SettingDescription: Encodable, Hashable, Sendable {
    package let key: String
    package let takes: String
    /// In Markdown; `required` where there is none.
    package let defaultText: String
    package let summary: String
    package let shape: ValueShape
    /// Variables and flag in Markdown; `nil` where there cannot be any.
    package let elsewhere: String?

    private enum CodingKeys: String, CodingKey {
        case key, takes, summary, kind, lowest, highest, choices
        case defaultText = "default"
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(key, forKey: .key)
        try fields.encode(takes, forKey: .takes)
        try fields.encode(defaultText, forKey: .defaultText)
        try fields.encode(summary, forKey: .summary)
        switch shape {
        case .text: try fields.encode("text", forKey: .kind)
        case .texts: try fields.encode("texts", forKey: .kind)
        case .flag: try fields.encode("flag", forKey: .kind)
        case .any: try fields.encode("any", forKey: .kind)
        case .wholeNumber(let range):
            try fields.encode("whole-number", forKey: .kind)
            try fields.encode(range.lowerBound, forKey: .lowest)
            try fields.encode(range.upperBound, forKey: .highest)
        case .choice(let words):
            try fields.encode("choice", forKey: .kind)
            try fields.encode(words, forKey: .choices)
        }
    }

    /// A row of the reference page.
    package var row: String {
        let cells = ["`\(key)`", takes, defaultText] + (elsewhere.map { [$0] } ?? []) + [summary]
        return "| \(cells.joined(separator: " | ")) |"
    }
}

/// All settings that stand together: a section of `firn.toml`, or the keys of a table.
package struct SettingSection: Hashable, Sendable {
    /// `server`, or the table's name: `tier`.
    package let name: String
    package let settings: [SettingDescription]

    package static let all: [SettingSection] = top + tables

    /// Those of ``Setting/all``.
    private static let top: [SettingSection] = {
        var sections: [SettingSection] = []
        for setting in Setting.all {
            let name = String(setting.key.prefix { $0 != "." })
            let earlier = sections.last?.name == name ? sections.removeLast().settings : []
            sections.append(SettingSection(name: name, settings: earlier + [setting.told]))
        }
        return sections
    }()

    private static let tables = [
        SettingSection(name: "tier", settings: TierField.all.map(\.told)),
        SettingSection(name: "cache", settings: CacheField.all.map(\.told)),
        SettingSection(name: "oidc", settings: IdentityField.all.map(\.told)),
        SettingSection(name: "hosts", settings: HostField.all.map(\.told)),
    ]

    /// The table of the reference page, in Markdown.
    package var table: String {
        let hasVariables = settings.contains { $0.elsewhere != nil }
        let heads =
            hasVariables
            ? "| key | takes | default | variable, flag | |\n|---|---|---|---|---|"
            : "| key | takes | default | |\n|---|---|---|---|"
        return ([heads] + settings.map(\.row)).joined(separator: "\n")
    }

    /// What the NixOS module reads: the keys of `settings`, and those of each table.
    package static var forNixOS: [String: [SettingDescription]] {
        var keys = Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0.settings) })
        keys["settings"] = top.flatMap(\.settings)
        return keys
    }
}

/// A default that is a value rather than a description of one stands as code.
private func marked(_ defaultText: String) -> String {
    let isValue =
        defaultText.first == "\"" || defaultText.first == "[" || Int(defaultText) != nil
        || Bool(defaultText) != nil
    return isValue ? "`\(defaultText)`" : defaultText
}

extension Setting {
    var told: SettingDescription {
        let variables = ([variable] + foreignVariables).map { "`\($0)`" }
        let flag = flag.map { ["`\($0)`"] } ?? []
        return SettingDescription(
            key: key,
            takes: expected,
            defaultText: marked(defaultText),
            summary: summary,
            shape: shape,
            elsewhere: (variables + flag).joined(separator: ", ")
        )
    }
}

/// A key of a table, which no variable or flag can set.
protocol TableField {
    var key: String { get }
    var expected: String { get }
    var defaultText: String { get }
    var summary: String { get }
    var shape: ValueShape { get }
}

extension TableField {
    var told: SettingDescription {
        SettingDescription(
            key: key,
            takes: expected,
            defaultText: marked(defaultText),
            summary: summary,
            shape: shape,
            elsewhere: nil
        )
    }
}

extension TierField: TableField {}
extension CacheField: TableField {}
extension IdentityField: TableField {}
extension HostField: TableField {}
