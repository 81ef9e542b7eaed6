// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A chroot store in a temporary folder, made by the machine's own Nix.
///
/// Its paths are called `/nix/store/…` as everywhere and lie beneath ``root``.
package struct TemporaryNixStore: Sendable {
    /// What a client passes as `--store` and Firn as `[store] root`.
    package let root: String
    private let home: String

    init(in directory: TemporaryDirectory) throws {
        root = try directory.makeDirectory("store")
        home = try directory.makeDirectory("store-home")
        try directory.makeDirectory("store/nix")
    }

    /// Opens a store that stays after the closure, such as a benchmark's.
    package init(root: String, home: String) throws {
        self.root = root
        self.home = home
        for folder in ["\(root)/nix", home] {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
        }
    }

    /// Where a store path lies on this machine.
    package func location(of storePath: String) -> String { root + storePath }

    /// Nix's own database of this store.
    package var databasePath: String { "\(root)/nix/var/nix/db/db.sqlite" }

    /// Makes the database of a store that stays empty.
    package func initialise() async throws { try await run("nix-store", ["--init"]) }

    /// Builds what an expression evaluates to.
    ///
    /// A store elsewhere would force Nix to build in its sandbox, at 90 ms a derivation. In a mount
    /// name space of its own, where the folder is `/nix`, it builds without one, at 8 ms.
    ///
    /// - Parameters:
    ///   - expression: What to build.
    ///   - settings: More lines of `nix.conf`.
    /// - Returns: The output paths, in the order of the expression.
    /// - Throws: What ``CommandOutcome/requireSuccess()`` throws.
    @discardableResult
    package func build(
        _ expression: String,
        settings: [String] = []
    ) async throws -> [String] {
        let command = try buildCommand(expression, settings: settings)
        return try await command.run(deadline: .seconds(300)).requireSuccess().lines
    }

    /// The command that ``build(_:settings:)`` runs.
    package func buildCommand(
        _ expression: String,
        settings: [String] = []
    ) throws -> Command {
        try FileManager.default.createDirectory(
            atPath: "/nix",
            withIntermediateDirectories: true
        )
        let script = """
            mount --bind "$0/nix" /nix && \
            exec nix-build --no-out-link --expr "$1"
            """
        var arguments = ["--mount", "/bin/sh", "-c", script, root, expression]
        if getuid() != 0 { arguments.insert("--map-root-user", at: 0) }
        var command = Command("unshare", arguments, environment: environment)
        command.environment["NIX_CONFIG", default: ""] +=
            "\n" + settings.joined(separator: "\n")
        return command
    }

    /// Runs a command of the machine's Nix on this store, such as `nix-store --query …`.
    @discardableResult
    package func run(_ program: String, _ arguments: [String]) async throws -> CommandOutcome {
        let command = Command(
            program,
            arguments + ["--store", root],
            environment: environment
        )
        return try await command.run(deadline: .seconds(120)).requireSuccess()
    }

    /// The paths that these need at run time, themselves included.
    package func closure(of paths: [String]) async throws -> [String] {
        try await run("nix-store", ["--query", "--requisites"] + paths).lines
    }

    /// The NAR of a path, or of anything beneath one, as Nix writes it.
    package func nar(of storePath: String) async throws -> [UInt8] {
        let command = Command("nix-store", ["--dump", location(of: storePath)])
        return try await command.run(deadline: .seconds(60)).requireSuccess().output
    }

    /// Removes everything that nothing protects.
    package func collectGarbage() async throws {
        try await removePaths(["--gc"])
    }

    /// Removes a path that nothing protects.
    package func delete(_ path: String) async throws {
        try await removePaths(["--delete", path])
    }

    /// Nix keeps what the environment of any process names, and other tests build paths of the same
    /// names: it is given a `/proc` without them.
    private func removePaths(_ arguments: [String]) async throws {
        var words = ["--pid", "--fork", "--mount-proc", "nix-store"] + arguments
        if getuid() != 0 { words.insert("--map-root-user", at: 0) }
        try await run("unshare", words)
    }

    private var environment: [String: String] {
        var environment = NixClient.isolatedEnvironment(home: home)
        environment["NIX_CONFIG"] = """
            experimental-features = nix-command ca-derivations
            build-users-group =
            sandbox = false
            substitute = false
            substituters =
            max-jobs = 4
            """
        return environment
    }
}

/// Makes an empty store, which is gone when the body is done.
package func withNixStore<Value>(
    _ body: (TemporaryNixStore) async throws -> Value
) async throws -> Value {
    try await withTemporaryDirectory { directory in
        try await body(TemporaryNixStore(in: directory))
    }
}

extension String {
    /// The 32 characters that name a store path in URLs.
    package var storeHash: String { String(dropFirst("/nix/store/".count).prefix(32)) }

    /// What follows `/nix/store/`.
    package var storeBaseName: String { String(dropFirst("/nix/store/".count)) }
}
