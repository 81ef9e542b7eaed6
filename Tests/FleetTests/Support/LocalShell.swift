// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Foundation

/// A host without ssh: programmes run here, in a mount name space with a store of its own.
struct LocalShell: RemoteShell {
    let hostName = "here"
    /// The folder that is `/nix` there.
    let nix: String
    /// Where standard input of requests lies; also the home.
    let home: String
    /// Put before each programme.
    var environment: [String: String] = [:]

    init(in directory: TemporaryDirectory) throws {
        nix = try directory.makeDirectory("target-nix")
        home = try directory.makeDirectory("target-home")
        let conf = try directory.makeDirectory("target-home/nix-conf")
        // A host that would build anything it could, and knows no cache.
        try Data("substituters =\nmax-jobs = 4\nsandbox = false\nbuild-users-group =\n".utf8)
            .write(to: URL(filePath: "\(conf)/nix.conf"))
        try FileManager.default.createDirectory(
            atPath: "/nix",
            withIntermediateDirectories: true
        )
    }

    func run(_ request: RemoteRequest) async throws -> RemoteAnswer {
        let name = "input-\(UInt32.random(in: 0 ... .max))"
        let script = "mount --bind \"$0\" /nix && exec \"$@\""
        var arguments = ["--mount", "/bin/sh", "-c", script, nix] + request.words
        if getuid() != 0 { arguments.insert("--map-root-user", at: 0) }
        var command = Command("unshare", arguments)
        command.environment.merge(NixClient.isolatedEnvironment(home: home)) { $1 }
        command.environment.merge(environment) { $1 }
        let input = "\(home)/\(name)"
        try Data(request.input).write(to: URL(filePath: input))
        command.inputPath = input
        let outcome = try await command.run(deadline: request.deadline)
        for line in outcome.lines {
            request.onLine?(RemoteLine(stream: .output, text: line))
        }
        return RemoteAnswer(
            exitCode: outcome.status,
            output: outcome.output,
            errors: Array(outcome.errors.utf8)
        )
    }

    /// Runs a command of Nix there.
    func nix(_ words: String...) async throws -> RemoteAnswer {
        try await run(RemoteRequest(words, asRoot: true, deadline: .seconds(60)))
    }
}
