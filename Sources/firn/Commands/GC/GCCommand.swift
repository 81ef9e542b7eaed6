// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import FirnAPI
import Foundation

/// `firn gc`.
struct GCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Let go of what the depot has not sent for longest.",
        discussion: """
            Asks the running daemon of this machine on its control socket, which only its owner and \
            root may use. The daemon keeps its depot below max-size by itself; this is for more room \
            than that. What is being sent stays.

            Example:
              firn gc --dry-run --down-to 20GB

            Exit codes:
              0  done, or with --dry-run shown
              1  the daemon failed at it
              2  wrong usage or configuration
              5  the daemon is not reached
            """
    )

    @Flag(help: "Only show what would go.")
    var dryRun = false

    @Option(
        help: ArgumentHelp("How much may stay, such as 20GB; else max-size.", valueName: "size")
    )
    var downTo: String?

    @OptionGroup var daemon: DaemonOptions

    @Flag(help: "Print JSON as the daemon sends it, on one line.")
    var json = false

    func validate() throws {
        guard let downTo else { return }
        do throws(ByteSize.ParseError) {
            _ = try ByteSize(parsing: downTo)
        } catch {
            throw ValidationError(
                "--down-to takes a size such as \"5GB\" or \"5GiB\": \"\(downTo)\" \(error.reason)"
            )
        }
    }

    func run() async throws {
        let request = CollectRequest(
            downToBytes: try downTo.map { try ByteSize(parsing: $0).bytes },
            isDryRun: dryRun
        )
        let connection = FirnConnection(to: try daemon.controlAddress())
        let reply: FirnReply<CollectReport>
        do {
            reply = try await connection.collect(request)
        } catch {
            throw GCFailure(error) ?? error
        }
        let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
        let view = CollectView(reply.body, at: Date())
        StandardOutput.write(json ? reply.jsonLine : view.lines(style).joined(separator: "\n"))
    }
}

/// The daemon was reached and could not do it, unlike one that is not there.
struct GCFailure: Error, CustomStringConvertible {
    let description: String

    init?(_ error: FirnConnectionError) {
        guard case .failed = error.cause else { return nil }
        description = error.description
    }
}
