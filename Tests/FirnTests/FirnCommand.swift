// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport

/// Runs the binary that was built with these tests, away from any configuration of the machine.
func firn(
    _ arguments: [String],
    environment: [String: String] = [:],
    inputPath: String? = nil
) async throws -> CommandOutcome {
    var command = Command(FirnServer.programme, arguments)
    command.environment["COLUMNS"] = "80"
    command.environment["HOME"] = "/nonexistent"
    command.environment.merge(environment) { $1 }
    command.inputPath = inputPath
    return try await command.run(deadline: .seconds(30))
}
