// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Fleet
import Foundation

/// `firn check`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look for what would keep a deploy from succeeding, and change nothing.",
        discussion: """
            Evaluates each configuration, reaches each host and its builder, and looks at sudo, the lease, \
            space in the store and for the boot loader, the kind of machine, and whether a deploy would be a \
            step back. Each finding comes with what to do about it. Without words it is about all hosts.

            Example:
              firn check samsung

            Exit codes:
              0  nothing was found
              1  something was found on every host
              2  wrong usage or configuration
              3  something was found on some of several hosts
              130  interrupted
            """
    )

    @OptionGroup var hosts: HostArguments

    @OptionGroup var access: FleetAccessOptions

    func run() async throws {
        let session = try await FleetSession.begin(access)
        session.warnOfRecords()
        let chosen = try session.choose(hosts.selection(isAllByDefault: true))
        let standings = try await session.run {
            try await FleetSurvey(session.context, [.wanted, .preflight]).look(at: chosen)
        }
        if access.fleet.json {
            let queued = Set(session.context.folder.queued().compactMap(\.host))
            StandardOutput.write(try StandingView.json(standings, queued))
        } else {
            let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
            StandardOutput.write(StandingView.findings(standings, style).joined(separator: "\n"))
        }
        let bad = standings.count { !$0.problems.isEmpty }
        guard bad > 0 else { return }
        throw bad == standings.count ? ExitCode.failed : .someFailed
    }
}
