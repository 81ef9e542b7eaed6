// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Fleet
import Foundation

/// `firn hosts`.
struct HostsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hosts",
        abstract: "List the hosts, what they run, and whether that is what they are to run.",
        discussion: """
            The states: current; staged for boot (it boots what is wanted, and runs something else); drifted \
            (it runs something else than it boots); behind; ahead (it runs a later revision). A host that \
            cannot be asked has none. Nothing is built.

            Example:
              firn hosts --on @laptop

            Exit codes:
              0  every host was asked
              2  wrong usage or configuration
              3  some hosts could not be asked, or do not evaluate
              5  no host could be asked
              130  interrupted
            """
    )

    @OptionGroup var hosts: HostArguments

    @Flag(help: "Do not evaluate the configurations; without them there are no states.")
    var noEvaluate = false

    @OptionGroup var fleet: FleetOptions

    func run() async throws {
        let session = try FleetSession(fleet)
        session.warnOfRecords()
        let chosen = try session.choose(hosts.selection(isAllByDefault: true))
        let depth: FleetSurvey.Depth = noEvaluate ? [] : [.wanted]
        let standings = try await session.run {
            try await FleetSurvey(session.context, depth).look(at: chosen)
        }
        let queued = Set(session.context.folder.queued().compactMap(\.host))
        if fleet.json {
            StandardOutput.write(try StandingView.json(standings, queued))
        } else {
            let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
            StandardOutput.write(
                StandingView.table(standings, queued, style).joined(separator: "\n")
            )
        }
        let bad = standings.filter { !$0.problems.isEmpty }
        guard !bad.isEmpty else { return }
        throw standings.allSatisfy { $0.facts == nil } ? ExitCode.unreachable : .someFailed
    }
}
