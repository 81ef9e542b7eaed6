// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
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

    @Test(arguments: SettingSection.all.map(\.name))
    func theReferencePageHasTheTableOfEachSection(_ name: String) throws {
        let page = try page("docs/reference/configuration.md")
        let section = try #require(SettingSection.all.first { $0.name == name })
        let block = "<!-- firn settings --section \(name) -->\n\(section.table)\n<!-- end -->"
        #expect(page.contains(block), "\(name) differs; run scripts/write-reference")
    }

    @Test func theReferencePageHasNoOtherTable() throws {
        let page = try page("docs/reference/configuration.md")
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
        #expect(rows.count == SettingSection.all.map(\.settings.count).reduce(0, +))
    }

    @Test func whatTheModuleReadsIsWhatTheFileTakes() async throws {
        let printed = try await firn(["settings"]).requireSuccess()
        let kept = try page("nix/settings.json")
        let hint: Comment = "run scripts/write-reference"
        #expect(printed.text == kept.trimmingCharacters(in: .whitespacesAndNewlines), hint)
        let table = try await firn(["settings", "--section", "tier"]).requireSuccess()
        #expect(table.text == SettingSection.all.first { $0.name == "tier" }?.table)
        #expect(try await firn(["settings", "--section", "tire"]).status == 2)
    }

    /// Whether a default is a value rather than a description of one.
    private static func isLiteral(_ text: String) -> Bool {
        text.first == "\"" || text.first == "[" || Int(text) != nil || Bool(text) != nil
    }

    private func page(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
