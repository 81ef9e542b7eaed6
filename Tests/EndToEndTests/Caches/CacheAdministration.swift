// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport

/// The commands that make caches and tokens, for one server.
struct CacheAdministration: Sendable {
    let server: FirnServer

    func firn(_ arguments: String...) async throws -> CommandOutcome {
        try await firn(arguments)
    }

    /// `token`: For `--server`, which takes the place of the control socket.
    func firn(_ arguments: [String], token: String? = nil) async throws -> CommandOutcome {
        var environment = Command.plainEnvironment
        environment["FIRN_TOKEN"] = token
        // Behind `--` nothing is an option any more.
        let end = arguments.firstIndex(of: "--") ?? arguments.count
        var all = arguments
        all.insert(contentsOf: ["--config", server.configurationPath], at: end)
        let command = Command(FirnServer.programme, all, environment: environment)
        return try await command.run(deadline: .seconds(60))
    }

    func info(_ name: String) async throws -> String {
        try await firn("cache", "info", name, "--json").requireSuccess().text
    }

    /// Makes a token.
    func token(
        _ caches: String,
        _ allow: String,
        expires: String = "1h"
    ) async throws -> String {
        let arguments = ["--cache", caches, "--allow", allow, "--expires", expires]
        return try await firn(["token", "create"] + arguments).requireSuccess().text
    }
}
