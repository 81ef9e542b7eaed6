// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Foundation
import Synchronization

/// A host without ssh that has one of the Nix clients, and a store of its own.
final class ClientHost: RemoteShell {
    let hostName = "client"
    private let nix: String
    private let home: String
    private let path: String
    private let carried = Mutex(0)

    /// What went in and came out, as a deployer would have to carry it.
    var carriedBytes: Int { carried.withLock { $0 } }

    init(_ client: NixClient, in directory: TemporaryDirectory) throws {
        nix = try directory.makeDirectory("host-nix")
        home = try directory.makeDirectory("host-home")
        let bin = try directory.makeDirectory("host-bin")
        for program in ["nix", "nix-store"] {
            // Only the words; the environment is that of each request.
            let command = client.command(program, [], environment: [:])
            let words = ([command.program] + command.arguments).map { "'\($0)'" }
            guard command.program.contains("/") else { continue }
            let script = "#!/bin/sh\nexec \(words.joined(separator: " ")) \"$@\"\n"
            try directory.write(script, to: "host-bin/\(program)", mode: 0o755)
        }
        path = "\(bin):\(Command.plainEnvironment["PATH"] ?? "")"
        try directory.makeDirectory("host-home/nix-conf")
        try directory.write(
            "substituters =\nsandbox = false\nbuild-users-group =\n",
            to: "host-home/nix-conf/nix.conf"
        )
        try FileManager.default.createDirectory(
            atPath: "/nix",
            withIntermediateDirectories: true
        )
    }

    func run(_ request: RemoteRequest) async throws -> RemoteAnswer {
        let script = "mount --bind \"$0\" /nix && exec \"$@\""
        var arguments = ["--mount", "/bin/sh", "-c", script, nix] + request.words
        if getuid() != 0 { arguments.insert("--map-root-user", at: 0) }
        var command = Command("unshare", arguments)
        command.environment.merge(NixClient.isolatedEnvironment(home: home)) { $1 }
        command.environment["PATH"] = path
        let input = "\(home)/input-\(UInt32.random(in: 0 ... .max))"
        try Data(request.input).write(to: URL(filePath: input))
        command.inputPath = input
        let outcome = try await command.run(deadline: request.deadline)
        for line in outcome.lines { request.onLine?(RemoteLine(stream: .output, text: line)) }
        let errors = Array(outcome.errors.utf8)
        carried.withLock { $0 += request.input.count + outcome.output.count + errors.count }
        return RemoteAnswer(exitCode: outcome.status, output: outcome.output, errors: errors)
    }
}
