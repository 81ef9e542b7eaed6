// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Fleet
import Foundation

/// `firn build`.
struct BuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Build what hosts are to run, where it is to be built.",
        discussion: """
            The result is a root on the builder, and in its cache by the time a host wants it. Nothing is \
            asked of the hosts.

            Example:
              firn build --all

            Exit codes:
              0  all of it is built
              1  failed
              2  wrong usage or configuration
              3  some of several were not built
              4  refused: a host key, a login
              5  the builder is not reachable
              130  interrupted
            """
    )

    @OptionGroup var hosts: HostArguments

    @Option(help: ArgumentHelp("Who builds: builder, target or here.", valueName: "who"))
    var via: DeployVia?

    @OptionGroup var fleet: FleetOptions

    func validate() throws { try hosts.requireSome() }

    func run() async throws {
        let display = FleetDisplay(.ofStandardError(ProcessInfo.processInfo.environment))
        let session = try FleetSession(fleet, display)
        let chosen = try session.choose(hosts.selection(isAllByDefault: false))
        try session.context.folder.requireWritable()
        let (reports, wasInterrupted) = try await session.run {
            try await display.showing {
                (await BuildRun(session.context, via: via).run(chosen), Task.isCancelled)
            }
        }
        try FleetEnd.tell(
            FleetReports(reports: reports, names: "BUILT", wasInterrupted: wasInterrupted),
            fleet.json
        )
    }
}
