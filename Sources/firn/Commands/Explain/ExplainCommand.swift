// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import FirnAPI
import Foundation
import NixFormat

/// `firn explain PATH-OR-HASH`.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Show which tier has a path, and why the others do not.",
        discussion: """
            Asks the running daemon of this machine, which asks every tier now, also one that is \
            known to be down, and tells what it had remembered. The daemon is found as by firn \
            status.

            Example:
              firn explain ./result

            Exit codes:
              0  a tier has the path
              1  no tier has it
              2  wrong usage or configuration
              5  the daemon is not reached, or cannot tell
            """
    )

    @Argument(
        help: ArgumentHelp(
            "A store path, something in one, a link to one, a base name or a hash.",
            valueName: "path-or-hash"
        )
    )
    var path: String

    @OptionGroup var daemon: DaemonOptions

    @Flag(help: "Print JSON as the daemon sends it, on one line.")
    var json = false

    func run() async throws {
        let hash = try StorePathReference.hash(of: path)
        let reply = try await FirnConnection(to: try daemon.address()).explain(hash)
        let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
        StandardOutput.write(
            json ? reply.jsonLine : ExplainView(reply.body).lines(style).joined(separator: "\n")
        )
        guard reply.body.answer != nil else {
            throw ExplainFailure.nobodyHas(path: Printable.line(reply.body.path))
        }
    }
}

/// The daemon has explained, and the explanation is that there is nothing.
enum ExplainFailure: Error, CustomStringConvertible {
    case nobodyHas(path: String)

    var description: String {
        switch self {
        case .nobodyHas(let path): "\(path): no tier has it"
        }
    }
}
