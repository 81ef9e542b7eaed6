// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `firn settings`: what the reference page and the NixOS module are made of.
///
/// Not among the commands that help lists: its users are `scripts/write-reference` and tests.
struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Print what there is to set.",
        discussion: """
            Example:
              firn settings --section tier

            Exit codes:
              0  printed
              2  there is no such section
            """,
        shouldDisplay: false
    )

    @Option(help: "The table of this section, in Markdown; else all of them as JSON.")
    var section: String?

    func run() throws {
        guard let section else {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let text = try encoder.encode(SettingSection.forNixOS)
            StandardOutput.write(String(decoding: text, as: UTF8.self))
            return
        }
        guard let found = SettingSection.all.first(where: { $0.name == section }) else {
            let names = SettingSection.all.map(\.name).joined(separator: ", ")
            throw ValidationError("there is no section \(section), only \(names)")
        }
        StandardOutput.write(found.table)
    }
}
