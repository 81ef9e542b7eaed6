// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI
import Fleet
import Foundation

/// `firn wake`.
struct WakeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wake",
        abstract: "Wake a host that sleeps, and wait until it lets us in.",
        discussion: """
            Sends magic packets to the host's `mac` on every network of this machine, until ssh is answered \
            or the time is up.

            Example:
              firn wake p620 --timeout 1m

            Exit codes:
              0  the host lets us in
              1  no packet could be sent
              2  wrong usage or configuration, or the host has no mac
              5  the host did not answer in time
              130  interrupted
            """
    )

    @Argument(help: ArgumentHelp("The host.", valueName: "host"))
    var host: String

    @Option(help: ArgumentHelp("Instead of deploy.wake-timeout.", valueName: "time"))
    var timeout: String?

    @OptionGroup var fleet: FleetOptions

    func validate() throws {
        if let timeout, (try? TimeSpan(parsing: timeout)) == nil {
            throw ValidationError("--timeout takes a time such as 30s or 3m")
        }
    }

    func run() async throws {
        let session = try FleetSession(fleet, observer: { _, _ in })
        let chosen = try session.choose(HostSelection(words: [host], isAll: false))
        guard chosen.count == 1, let host = chosen.first else {
            throw ValidationError("name one host")
        }
        guard let mac = host.mac else { throw FleetError.noMAC(host.name) }
        let limit =
            timeout.flatMap { try? TimeSpan(parsing: $0).duration }
            ?? session.roster.settings.wakeTimeout
        let shell = session.context.connections.shell(to: host)
        let took = try await session.run {
            try await Waker().wake(mac, within: limit) {
                let look = RemoteRequest(["true"], deadline: .seconds(10))
                return (try? await shell.run(look))?.exitCode == 0
            }
        }
        if fleet.json {
            let body = WokenBody(host: "\(host.name)", took: Milliseconds(took))
            StandardOutput.write(String(decoding: try FirnJSON.write(body), as: UTF8.self))
        } else {
            StandardOutput.write("\(host.name) is awake, after \(Quantity.time(took))")
        }
    }
}

/// What `firn wake --json` prints.
private struct WokenBody: Encodable {
    let host: String
    let took: Milliseconds
}
