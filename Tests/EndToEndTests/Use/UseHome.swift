// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// A user with a home, a Nix of their own in `PATH`, and nothing set up.
struct UseHome: Sendable {
    let client: NixClient
    let directory: TemporaryDirectory
    /// What the machine's nix.conf has before anything is done; without a line end.
    static let systemConf = """
        experimental-features = nix-command ca-derivations
        build-users-group =
        sandbox = false
        require-sigs = true
        max-jobs = 0
        substituters =
        # no key is trusted
        trusted-public-keys =
        """

    var store: String { directory.path("store") }
    var userConf: String { directory.path("home/.config/nix/nix.conf") }
    var netrc: String { directory.path("home/.config/nix/netrc") }
    var systemConf: String { directory.path("etc/nix.conf") }
    /// On top of what isolates it.
    var extra: [String: String] = [:]

    init(_ client: NixClient, in directory: TemporaryDirectory) throws {
        self.client = client
        self.directory = directory
        for name in ["home", "etc", "bin", "store"] { try directory.makeDirectory(name) }
        try directory.write(Self.systemConf, to: "etc/nix.conf")
        let nix = client.command("nix", [], environment: [:])
        let words = ([nix.program] + nix.arguments).map { "'\($0)'" }.joined(separator: " ")
        let isInstalled = nix.program == "nix"
        if !isInstalled {
            try directory.write("#!/bin/sh\nexec \(words) \"$@\"\n", to: "bin/nix", mode: 0o755)
        }
    }

    private var environment: [String: String] {
        var environment = Command.plainEnvironment
        environment["PATH"] = "\(directory.path("bin")):\(environment["PATH"] ?? "")"
        environment["HOME"] = directory.path("home")
        environment["NIX_CONF_DIR"] = directory.path("etc")
        environment["TMPDIR"] = NSTemporaryDirectory()
        return environment.merging(extra) { $1 }
    }

    /// `firn use`, with a token for it or none.
    func firn(
        _ arguments: [String],
        token: String? = nil,
        variable: String = "FIRN_TOKEN"
    ) async throws -> CommandOutcome {
        var user = self
        if let token { user.extra[variable] = token }
        return try await user.run(FirnServer.programme, ["use"] + arguments)
    }

    /// Whatever command, as this user.
    func run(
        _ program: String,
        _ arguments: [String],
        inputPath: String? = nil
    ) async throws -> CommandOutcome {
        var command = Command(program, arguments, environment: environment)
        command.inputPath = inputPath
        return try await command.run(deadline: .seconds(60))
    }

    /// `nix-store` with nothing but what was set up.
    func realise(_ path: String) async throws -> CommandOutcome {
        let command = client.command(
            "nix-store",
            ["--realise", path, "--store", store],
            environment: environment
        )
        return try await command.run(deadline: .seconds(120))
    }

    func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    func holds(_ storePath: String) -> Bool {
        FileManager.default.fileExists(atPath: store + storePath)
    }

    /// All that is in the home and the machine's folder, except for what Nix remembers.
    func files() throws -> [String: String] {
        var files: [String: String] = [:]
        for folder in ["home", "etc"] {
            let root = directory.path(folder)
            for name in try FileManager.default.subpathsOfDirectory(atPath: root) {
                guard !name.hasPrefix(".cache"), !name.hasPrefix(".local") else { continue }
                files["\(folder)/\(name)"] = (try? text("\(root)/\(name)")) ?? "folder"
            }
        }
        return files
    }
}

/// Gives a user for the time of the body.
func withUseHome<Value>(
    _ client: NixClient = .installed,
    _ body: (inout UseHome) async throws -> Value
) async throws -> Value {
    try await withTemporaryDirectory { directory in
        var home = try UseHome(client, in: directory)
        return try await body(&home)
    }
}
