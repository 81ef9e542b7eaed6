// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// `docs/reference/commands.md` against what the binary says; `scripts/write-reference` renews it.
@Suite struct CommandReferenceTests {
    private static let commands = [
        [], ["serve"], ["use"], ["status"], ["explain"], ["push"], ["watch-store"], ["watch-exec"],
        ["hook"], ["hosts"], ["check"], ["build"], ["deploy"], ["rollback"], ["wake"], ["report"],
        ["pin"], ["pin", "create"], ["pin", "list"], ["pin", "remove"], ["cache"],
        ["cache", "create"], ["cache", "list"], ["cache", "info"], ["cache", "configure"],
        ["cache", "delete"], ["cache", "remove"], ["token"], ["token", "create"],
        ["token", "list"],
        ["token", "revoke"], ["gc"], ["fsck"], ["key"], ["key", "generate"], ["key", "public"],
    ]

    @Test(arguments: commands)
    func thePageHasTheHelpOfEveryCommand(_ command: [String]) async throws {
        let help = try await firn(command + ["--help"]).requireSuccess()
        let name = (["firn"] + command).joined(separator: " ")
        let block = "## `\(name)`\n\n```text\n\(help.text)\n```\n"
        let page = try page()
        #expect(page.contains(block), "the help of \(name) differs; run scripts/write-reference")
    }

    @Test func thePageHasNoOtherCommand() throws {
        let headings = try page().split(separator: "\n").filter { $0.hasPrefix("## ") }
        let expected = Self.commands.map { "## `\((["firn"] + $0).joined(separator: " "))`" }
        #expect(headings.map(String.init) == expected)
    }

    @Test(arguments: commands)
    func everyHelpHasAnExampleAndItsExitCodes(_ command: [String]) async throws {
        let help = try await firn(command + ["--help"]).requireSuccess()
        #expect(help.text.contains("\nExample:\n  firn "))
        #expect(help.text.contains("\nExit codes:\n  0  "))
    }

    @Test func theVersionIsTheFirstHeadingOfTheChangelog() async throws {
        let version = try await firn(["--version"]).requireSuccess().text
        let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        let log = try String(contentsOf: root.appending(path: "CHANGELOG.md"), encoding: .utf8)
        let first = log.split(separator: "\n").first { $0.hasPrefix("## ") }
        #expect(first?.hasPrefix("## \(version.replacing("firn ", with: ""))") == true)
    }

    private func page() throws -> String {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        return try String(
            contentsOf: root.appending(path: "docs/reference/commands.md"),
            encoding: .utf8
        )
    }
}
