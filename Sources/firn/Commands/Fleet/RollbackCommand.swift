// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Fleet
import Foundation

/// `firn rollback`.
struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Take a host back to an earlier generation.",
        discussion: """
            The newest before the one that runs that is another system, or the one that is named; what was \
            staged for the next boot is dropped. It is switched to, checked and confirmed as in a deploy, whoever made the generation.

            Example:
              firn rollback samsung --to 41

            Exit codes:
              0  the host runs the earlier generation, and confirmed it
              1  failed
              2  wrong usage or configuration
              4  refused: no such generation, a lease, sudo, a host key
              5  not reachable
              6  the earlier generation was not well either; it runs what it ran before
              130  interrupted
            """
    )

    @Argument(help: ArgumentHelp("The host.", valueName: "host"))
    var host: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The generation to go back to.", valueName: "generation")
    )
    var to: Int?

    @OptionGroup var access: FleetAccessOptions

    func validate() throws {
        guard to ?? 1 > 0 else { throw ValidationError("--to takes a generation's number, from 1") }
    }

    func run() async throws {
        let display = FleetDisplay(.ofStandardError(ProcessInfo.processInfo.environment))
        let session = try await FleetSession.begin(access, display)
        let chosen = try session.choose(HostSelection(words: [host], isAll: false))
        guard chosen.count == 1, let host = chosen.first else {
            throw ValidationError("name one host")
        }
        try session.requireRecords()
        let (report, wasInterrupted) = try await session.run(isSwitching: true) {
            try await display.showing {
                (try await HostRollback(session.context, host, to: to).run(), Task.isCancelled)
            }
        }
        try FleetEnd.tell(
            FleetReports(reports: [report], wasInterrupted: wasInterrupted),
            access.fleet.json
        )
    }
}
