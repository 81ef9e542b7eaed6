// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import firn

/// The table of settings against itself, and the reference page against the table.
@Suite struct SettingTests {
    @Test func keysAndVariablesAreUsedOnce() {
        let keys = Setting.all.map(\.key)
        let variables = Setting.all.flatMap { [$0.variable] + $0.foreignVariables }
        #expect(Set(keys).count == keys.count)
        #expect(Set(variables).count == variables.count)
    }

    @Test func variablesAreOurs() {
        for setting in Setting.all {
            #expect(setting.variable.hasPrefix("FIRN_"))
        }
    }

    /// The default that is documented is the one that is in force.
    @Test(arguments: Setting.all.map(\.key))
    func documentedDefaultsAreTrue(_ key: String) throws {
        let setting = try #require(Setting.all.first { $0.key == key })
        let shown = setting.show(FirnConfiguration(state: "/var/lib/firn"))
        if Self.isLiteral(setting.defaultText) {
            #expect(shown == setting.defaultText)
        } else {
            #expect(shown.isEmpty || key == "server.state")
        }
    }

    @Test func theReferencePageHasExactlyTheseSettings() throws {
        let page = try page("docs/reference/configuration.md")
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
        let expected =
            Setting.all.map(Self.row) + TierField.all.map(Self.row)
            + CacheField.all.map(Self.row) + IdentityField.all.map(Self.row)
            + HostField.all.map(Self.row)
        #expect(rows.filter { !expected.contains($0) } == [], "rows that are not so")
        #expect(expected.filter { !rows.contains($0) } == [], "rows that are missing")
    }

    /// Whether a default is a value rather than a description of one.
    private static func isLiteral(_ text: String) -> Bool {
        text.first == "\"" || text.first == "[" || Int(text) != nil || Bool(text) != nil
    }

    private static func row(_ setting: Setting) -> String {
        let others = ([setting.variable] + setting.foreignVariables).map { "`\($0)`" }
        let flag = setting.flag.map { ", `\($0)`" } ?? ""
        let text = setting.defaultText
        return "| `\(setting.key)` | \(setting.expected) | \(isLiteral(text) ? "`\(text)`" : text) "
            + "| \(others.joined(separator: ", "))\(flag) | \(setting.summary) |"
    }

    private static func row(_ field: TierField) -> String {
        let text = field.defaultText
        return "| `\(field.key)` | \(field.expected) | \(isLiteral(text) ? "`\(text)`" : text) "
            + "| \(field.summary) |"
    }

    private static func row(_ field: CacheField) -> String {
        "| `\(field.key)` | \(field.expected) | \(field.defaultText) | \(field.summary) |"
    }

    private static func row(_ field: HostField) -> String {
        "| `\(field.key)` | \(field.expected) | \(field.defaultText) | \(field.summary) |"
    }

    private static func row(_ field: IdentityField) -> String {
        "| `\(field.key)` | \(field.expected) | \(field.defaultText) | \(field.summary) |"
    }

    private func page(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
