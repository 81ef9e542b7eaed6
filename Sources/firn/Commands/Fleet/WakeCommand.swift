// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI
import Fleet
import Foundation

/// `firn wake HOST`.
struct WakeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wake",
        abstract: "Wake a host that sleeps, and wait until it lets us in.",
        discussion: """
            Sends the magic packet to the host's mac on every network of this machine, again every 5 \
            seconds, until ssh lets us in or deploy.wake-timeout is over. Routers do not pass it on.

            Example:
              firn wake p620

            Exit codes:
              0  every host is awake
              2  wrong usage or configuration; a host has no mac
              3  some hosts did not wake
              5  no host did, or no packet could be sent
              130  interrupted
            """
    )

    @OptionGroup var hosts: HostArguments

    @OptionGroup var fleet: FleetOptions

    func validate() throws { try hosts.requireSome() }

    func run() async throws {
        let session = try FleetSession(fleet)
        let chosen = try session.choose(hosts.selection(isAllByDefault: false))
        for host in chosen where host.mac == nil { throw FleetError.noMAC(host.name) }
        let timeout = session.roster.settings.wakeTimeout
        let context = session.context
        let wakings = try await session.run {
            try await withThrowingTaskGroup(of: Waking.self) { group in
                for host in chosen {
                    guard let mac = host.mac else { continue }
                    let shell = context.connections.shell(to: host)
                    group.addTask { try await Waking(of: host.name, mac, shell, within: timeout) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        try tell(wakings.sorted { $0.host < $1.host })
    }

    private func tell(_ wakings: [Waking]) throws {
        for waking in wakings {
            if fleet.json {
                let bytes = try FirnJSON.write(waking)
                StandardOutput.write(String(decoding: bytes, as: UTF8.self))
            } else if let reason = waking.reason {
                StandardError.write("firn: \(waking.host): \(reason)")
            } else {
                StandardOutput.write(
                    "\(waking.host) is awake after \(Quantity.time(waking.took.duration))"
                )
            }
        }
        let asleep = wakings.count { $0.reason != nil }
        if asleep > 0 { throw asleep == wakings.count ? ExitCode.unreachable : .someFailed }
    }
}

/// What became of waking one host.
private struct Waking: Codable, Sendable {
    let host: String
    let took: Milliseconds
    /// Why it is not awake.
    let reason: String?

    init(
        of host: HostName,
        _ mac: MACAddress,
        _ shell: SSHShell,
        within timeout: Duration
    ) async throws {
        self.host = host.description
        let start = ContinuousClock.now
        do {
            try await Waker().wake(mac, within: timeout) {
                let look = RemoteRequest(["true"], deadline: .seconds(15))
                return (try? await shell.run(look))?.exitCode == 0
            }
            reason = nil
        } catch let failure as Waker.Failure {
            reason = "\(failure)"
        }
        took = Milliseconds(ContinuousClock.now - start)
    }
}
