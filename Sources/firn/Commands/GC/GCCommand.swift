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
            root may use; where none runs, it does the work itself. The daemon keeps its depot below \
            max-size by itself: this is for more room than that, or for after max-size was lowered. \
            What is being sent stays, and what is in a cache: of that goes what the cache's retention \
            and quota leave no room for, and nothing that a pin or a newer path needs. The daemon does \
            that by itself too, every ten minutes.

            Example:
              firn gc --dry-run --down-to 20GB

            Exit codes:
              0  done, or with --dry-run shown
              1  the daemon failed at it
              2  wrong usage or configuration
              4  another Firn uses the depot and does not answer
              5  the daemon is not reached, and there is no depot here
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
        do throws(FirnConnectionError) {
            let reply = try await connection.collect(request)
            show(reply.body, json: reply.jsonLine)
        } catch {
            guard daemon.url == nil, case .notRunning = error.cause,
                let report = try await StoppedDepot.collect(request, daemon.configuration())
            else { throw GCFailure(error) ?? error }
            show(report, json: String(decoding: try FirnJSON.write(report), as: UTF8.self))
        }
    }

    private func show(_ report: CollectReport, json text: String) {
        let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
        let view = CollectView(report, at: Date())
        StandardOutput.write(json ? text : view.lines(style).joined(separator: "\n"))
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
