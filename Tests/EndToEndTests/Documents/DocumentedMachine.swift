// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import Testing

/// Runs the blocks of a page on the machines that they name.
struct DocumentedMachines: Sendable {
    let fleet: NamespaceFleet
    /// What stands in the page for what differs everywhere: a key, a folder that tests may not write.
    let places: [(written: String, here: String)]

    /// Runs a block, which has to end with 0; it may read the name of a host.
    @discardableResult
    func run(_ block: DocumentedBlock) async throws -> String {
        let machine = try #require(block.machine)
        var script = block.script
        for place in places { script = script.replacing(place.written, with: place.here) }
        let answer = fleet.directory.path("answer")
        try Data("samsung\n".utf8).write(to: URL(filePath: answer))
        var command = try fleet[machine].command("sh", ["-euc", script])
        command.inputPath = answer
        let outcome = try await command.run(deadline: .seconds(170))
        guard outcome.status == 0 else {
            throw FleetFault(
                description: "\(block.page): \(block.script)ended with \(outcome.status)\n"
                    + "\(outcome.text.suffix(2000))\n\(outcome.errors.suffix(2000))"
            )
        }
        return outcome.text
    }
}
