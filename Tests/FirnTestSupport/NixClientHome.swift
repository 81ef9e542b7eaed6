// SPDX-License-Identifier: Apache-2.0

/// A client with an empty store, an empty home and nothing remembered.
package struct NixClientHome: Sendable {
    package let client: NixClient
    /// The client's own store, which starts empty.
    package let store: String
    private let home: String
    /// Lines of `nix.conf`.
    package var settings: [(name: String, value: String)]
    /// On top of what isolates it.
    package var environment: [String: String] = [:]

    init(_ client: NixClient, in directory: TemporaryDirectory) throws {
        self.client = client
        store = try directory.makeDirectory("client-store")
        home = try directory.makeDirectory("client-home")
        // Without `substitute`, the new commands ask no cache on a machine with no network.
        settings = [
            ("experimental-features", "nix-command ca-derivations"),
            ("build-users-group", ""),
            ("sandbox", "false"),
            ("substitute", "true"),
            ("require-sigs", "true"),
            ("max-jobs", "0"),
            ("substituters", ""),
        ]
    }

    /// Makes a cache the only one it asks, with one key it trusts.
    package mutating func use(cache url: String, trusting publicKey: String?) {
        settings.append(("substituters", url))
        settings.append(("trusted-public-keys", publicKey ?? ""))
    }

    /// Runs `nix-store`, `nix` and so on, on the client's own store.
    package func run(
        _ program: String,
        _ arguments: [String],
        deadline: Duration = .seconds(120)
    ) async throws -> CommandOutcome {
        try await runAnywhere(program, arguments + ["--store", store], deadline: deadline)
    }

    /// Runs a command that names the store itself.
    package func runAnywhere(
        _ program: String,
        _ arguments: [String],
        deadline: Duration = .seconds(120)
    ) async throws -> CommandOutcome {
        var environment = NixClient.isolatedEnvironment(home: home)
        environment["NIX_CONFIG"] =
            settings.map { "\($0.name) = \($0.value)" }.joined(separator: "\n")
        environment.merge(self.environment) { $1 }
        let command = client.command(program, arguments, environment: environment)
        return try await command.run(deadline: deadline)
    }
}

/// Gives a client an empty store and home for the time of the body.
package func withClient<Value>(
    _ client: NixClient,
    _ body: (inout NixClientHome) async throws -> Value
) async throws -> Value {
    try await withTemporaryDirectory { directory in
        var home = try NixClientHome(client, in: directory)
        return try await body(&home)
    }
}
