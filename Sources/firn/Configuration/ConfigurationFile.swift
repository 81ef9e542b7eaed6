// SPDX-License-Identifier: Apache-2.0
import Foundation
import TOMLKit

/// A `firn.toml` that was read: its values by setting, each with the line it stands on.
package struct ConfigurationFile: Sendable {
    package struct Entry: Hashable, Sendable {
        package let setting: String
        package let input: SettingInput
        package let origin: SettingOrigin
    }

    /// One `[[tier]]`, `[[cache]]` or `[[oidc]]`: the keys of its table, without the table's name.
    package struct Tier: Hashable, Sendable {
        package let origin: SettingOrigin
        package let entries: [Entry]
    }

    /// One `[hosts.NAME]`: its keys, those of tables in it joined by a dot.
    package struct NamedTable: Hashable, Sendable {
        package let name: String
        package let origin: SettingOrigin
        package let entries: [Entry]
    }

    package let path: String
    package let entries: [Entry]
    /// In the order of the file.
    package let tiers: [Tier]
    package let caches: [Tier]
    package let identities: [Tier]
    package let hosts: [NamedTable]

    /// Where relative paths start.
    var folder: String {
        path.split(separator: "/", omittingEmptySubsequences: false)
            .dropLast().joined(separator: "/")
    }

    /// A configuration is a page or two; what is larger is some other file.
    private static let largestBytes = 1 << 20

    package static func read(_ path: String) throws(ConfigurationError) -> ConfigurationFile {
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: largestBytes + 1) ?? Data()
        } catch {
            throw .fileUnreadable(path: path, reason: error.localizedReason)
        }
        guard bytes.count <= largestBytes else {
            throw .fileUnreadable(path: path, reason: "it is larger than \(largestBytes) bytes")
        }
        guard let text = String(data: bytes, encoding: .utf8), !text.utf8.contains(0) else {
            throw .fileUnreadable(path: path, reason: "it is not UTF-8 text")
        }
        return try ConfigurationFile(parsing: text, path: path)
    }

    package init(parsing text: String, path: String) throws(ConfigurationError) {
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw .syntax(
                path: path,
                line: error.source.begin.line,
                column: error.source.begin.column,
                reason: error.description
            )
        } catch {
            throw .fileUnreadable(path: path, reason: "\(error)")
        }
        var walk = TableWalk(path: path, lines: TOMLKeyLines(text))
        walk.visit(table, at: [])
        if let first = walk.firstError { throw first }
        self.path = path
        entries = walk.entries
        tiers = walk.tiers
        caches = walk.caches
        identities = walk.identities
        hosts = walk.hosts
    }
}

/// Sorts the keys of a document into known settings and mistakes.
private struct TableWalk {
    let path: String
    let lines: TOMLKeyLines
    private(set) var entries: [ConfigurationFile.Entry] = []
    private(set) var tiers: [ConfigurationFile.Tier] = []
    private(set) var caches: [ConfigurationFile.Tier] = []
    private(set) var identities: [ConfigurationFile.Tier] = []
    private(set) var hosts: [ConfigurationFile.NamedTable] = []
    private var mistakes: [(line: Int, error: ConfigurationError)] = []

    init(path: String, lines: TOMLKeyLines) {
        self.path = path
        self.lines = lines
    }

    /// The mistake nearest to the top, which is where a person starts to read.
    var firstError: ConfigurationError? {
        mistakes.min { $0.line < $1.line }?.error
    }

    mutating func visit(_ table: TOMLTable, at section: [String]) {
        for name in table.keys {
            guard let value = table[name] else { continue }
            let keyPath = section + [name]
            let key = keyPath.joined(separator: ".")
            let line = lines.line(of: keyPath)
            let origin = SettingOrigin.file(path: path, line: line)
            if key == "tier" {
                tiers = visitTables(value, of: .tier)
            } else if key == "cache" {
                caches = visitTables(value, of: .cache)
            } else if key == "oidc" {
                identities = visitTables(value, of: .oidc)
            } else if key == "hosts" {
                visitHosts(value, origin, line)
            } else if Setting.all.contains(where: { $0.key == key }) {
                let input = SettingInput(value)
                entries.append(.init(setting: key, input: input, origin: origin))
            } else if Setting.sections.contains(key) {
                if let inner = value.table {
                    visit(inner, at: keyPath)
                } else {
                    let found = SettingInput(value).typeName
                    note(.notATable(key, at: origin, found: found), line)
                }
            } else {
                let suggestion = NearestName.key(for: key)
                note(.unknownKey(key, at: origin, suggestion: suggestion), line)
            }
        }
    }

    private mutating func visitTables(
        _ value: any TOMLValueConvertible,
        of kind: TableKind
    ) -> [ConfigurationFile.Tier] {
        guard let array = value.array else {
            let line = lines.line(of: [kind.rawValue])
            let found = SettingInput(value).typeName
            let origin = SettingOrigin.file(path: path, line: line)
            note(.notAList(kind.rawValue, at: origin, found: found), line)
            return []
        }
        var tables: [ConfigurationFile.Tier] = []
        for (index, item) in array.enumerated() {
            let place = [kind.rawValue, TOMLKeyLines.element(index)]
            let line = lines.line(of: place)
            let origin = SettingOrigin.file(path: path, line: line)
            if let table = item.table {
                tables.append(.init(origin: origin, entries: fields(of: table, kind, at: place)))
            } else {
                let found = "an array with \(SettingInput(item).typeName) in it"
                note(.notAList(kind.rawValue, at: origin, found: found), line)
            }
        }
        return tables
    }

    private mutating func visitHosts(
        _ value: any TOMLValueConvertible,
        _ origin: SettingOrigin,
        _ line: Int?
    ) {
        guard let table = value.table else {
            note(.notATable("hosts.NAME", at: origin, found: SettingInput(value).typeName), line)
            return
        }
        for name in table.keys {
            guard let value = table[name] else { continue }
            let place = ["hosts", name]
            let line = lines.line(of: place)
            let origin = SettingOrigin.file(path: path, line: line)
            guard let host = value.table else {
                let found = SettingInput(value).typeName
                note(.notATable("hosts.\(name)", at: origin, found: found), line)
                continue
            }
            let entries = hostFields(of: host, at: place, below: "")
            hosts.append(.init(name: name, origin: origin, entries: entries))
        }
        hosts.sort { $0.origin.line < $1.origin.line }
    }

    /// `prefix` is empty, or a table in the host's with a dot behind it.
    private mutating func hostFields(
        of table: TOMLTable,
        at place: [String],
        below prefix: String
    ) -> [ConfigurationFile.Entry] {
        var fields: [ConfigurationFile.Entry] = []
        for name in table.keys {
            guard let value = table[name] else { continue }
            let key = prefix + name
            let line = lines.line(of: place + [name])
            let origin = SettingOrigin.file(path: path, line: line)
            if HostField.all.contains(where: { $0.key == key }) {
                fields.append(.init(setting: key, input: SettingInput(value), origin: origin))
            } else if let inner = value.table,
                HostField.all.contains(where: { $0.key.hasPrefix("\(key).") })
            {
                fields += hostFields(of: inner, at: place + [name], below: "\(key).")
            } else {
                let host = place[1]
                let near = NearestName.find(key, among: HostField.all.map(\.key))
                let suggestion = near.map { "hosts.\(host).\($0)" }
                note(.unknownKey("hosts.\(host).\(key)", at: origin, suggestion: suggestion), line)
            }
        }
        return fields
    }

    private mutating func fields(
        of table: TOMLTable,
        _ kind: TableKind,
        at place: [String]
    ) -> [ConfigurationFile.Entry] {
        var fields: [ConfigurationFile.Entry] = []
        for name in table.keys {
            guard let value = table[name] else { continue }
            let line = lines.line(of: place + [name])
            let origin = SettingOrigin.file(path: path, line: line)
            if kind.keys.contains(name) {
                fields.append(.init(setting: name, input: SettingInput(value), origin: origin))
            } else {
                let key = "\(kind.rawValue).\(name)"
                note(.unknownKey(key, at: origin, suggestion: kind.suggestion(for: name)), line)
            }
        }
        return fields
    }

    private mutating func note(_ error: ConfigurationError, _ line: Int?) {
        mistakes.append((line ?? .max, error))
    }
}

/// What is listed, table by table.
private enum TableKind: String {
    case tier, cache, oidc

    var keys: [String] {
        switch self {
        case .tier: TierField.all.map(\.key)
        case .cache: CacheField.all.map(\.key)
        case .oidc: IdentityField.all.map(\.key)
        }
    }

    func suggestion(for key: String) -> String? {
        switch self {
        case .tier: NearestName.tierKey(for: key)
        case .cache: NearestName.cacheKey(for: key)
        case .oidc: NearestName.identityKey(for: key)
        }
    }
}

extension SettingInput {
    fileprivate init(_ value: any TOMLValueConvertible) {
        switch value.type {
        case .string: self = .text(value.string ?? "")
        case .int: self = .integer(value.int ?? 0)
        case .array: self = .list((value.array.map { Array($0) } ?? []).map { SettingInput($0) })
        case .table: self = .table(Self.fields(of: value))
        case .double: self = .other(typeName: "a floating-point number")
        case .bool: self = .flag(value.bool ?? false)
        case .date, .time, .dateTime: self = .other(typeName: "a date or time")
        }
    }

    private static func fields(of value: any TOMLValueConvertible) -> [String: SettingInput] {
        guard let table = value.table else { return [:] }
        var fields: [String: SettingInput] = [:]
        for name in table.keys { fields[name] = table[name].map { SettingInput($0) } }
        return fields
    }
}
