// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// Every command in the documents is run by a test, or it is said why not.
@Suite struct DocumentedCommandTests {
    /// Pages whose blocks with a machine's name are run from the page itself.
    private static let runPages = [WalkThroughTests.page, MovingTests.page]

    private static func unproven() throws -> [(page: String, command: String)] {
        try DocumentedBlock.all().flatMap { block in
            block.machine == nil ? block.commands.map { (block.page, $0) } : []
        }
    }

    @Test func eachHasItsTestOrItsReason() throws {
        let commands = try Self.unproven()
        #expect(commands.count > 50)
        for (page, command) in commands where CommandLedger.entries[command] == nil {
            Issue.record("\(page): no test runs `\(command)`; add it to CommandLedger")
        }
        let written = Set(commands.map(\.command))
        for command in CommandLedger.entries.keys where !written.contains(command) {
            Issue.record("no page has `\(command)` any more; take it out of CommandLedger")
        }
    }

    @Test func machinesAreNamedOnPagesThatAreRun() throws {
        for block in try DocumentedBlock.all() where block.machine != nil {
            #expect(Self.runPages.contains(block.page), "no test runs the blocks of \(block.page)")
        }
    }

    @Test func theTestsOfTheLedgerExist() throws {
        let tests = DocumentedBlock.root.appending(path: "Tests").path()
        var names: Set<String> = []
        for file in try FileManager.default.subpathsOfDirectory(atPath: tests)
        where file.hasSuffix("Tests.swift") {
            let text = try String(contentsOfFile: "\(tests)/\(file)", encoding: .utf8)
            names.formUnion(text.matches(of: /func ([a-zA-Z0-9]+)\(/).map { String($0.1) })
        }
        for (command, proof) in CommandLedger.entries {
            guard case .ran(let test) = proof else { continue }
            #expect(names.contains(test), "\(command): there is no test \(test)")
        }
    }

    /// Whatever runs it, its words exist: no page tells a flag that a command has not.
    @Test func theFlagsOfEachAreThoseOfTheCommand() throws {
        let page = try String(
            contentsOf: DocumentedBlock.root.appending(path: "docs/reference/commands.md"),
            encoding: .utf8
        )
        for block in try DocumentedBlock.all() {
            for command in block.commands {
                // What follows `--` is another command's.
                let own = command.split(separator: " -- ")[0]
                guard let call = own.firstMatch(of: /(?:^| )firn ([a-z].*)/) else { continue }
                let words = call.1.split(separator: " ")
                let names = [words.prefix(2), words.prefix(1)].map { $0.joined(separator: " ") }
                let heading = names.lazy.compactMap { page.range(of: "## `firn \($0)`\n") }.first
                let start = try #require(heading, "\(block.page): \(command)").upperBound
                let help = page[start...].split(separator: "\n## `")[0]
                for flag in words where flag.hasPrefix("--") {
                    let name = flag.prefix { $0 != "=" }
                    #expect(help.contains("\(name) "), "\(block.page): \(command)")
                }
            }
        }
    }
}
