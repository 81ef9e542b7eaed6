// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `firn doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find what is wrong with a cache, here or on the way to it.",
        discussion: """
            Looks at the daemon of this machine, at the Nix of this machine and the caches that it asks, \
            and at what lies between them, all at once and within seconds. Each finding comes with what \
            was seen and what mends it. It changes nothing without --fix, which closes files of secrets \
            to other users and has Nix forget misses that are none any more.

            Some things only root can see, such as the packet filter.

            Example:
              firn doctor
              sudo firn doctor --fix
              firn doctor http://p620:5000 cachix:nix-community

            Exit codes:
              0  nothing fails
              1  something fails
              2  wrong usage
            """
    )

    @Argument(
        help: ArgumentHelp(
            "A cache that Nix shall use here: a URL, cachix:NAME, or a cache of this machine's"
                + " daemon. Those that firn use has set up need not be named.",
            valueName: "cache"
        )
    )
    var caches: [String] = []

    @OptionGroup var daemon: DaemonOptions

    @Option(help: ArgumentHelp("Ask this server in place of https://cachix.org.", valueName: "url"))
    var host: String?

    @Flag(help: "Do what is safe to do without asking.")
    var fix = false

    @Flag(help: "Print the findings as JSON, on one line.")
    var json = false

    func run() async throws {
        let references = try caches.map { text throws(UseReference.ParseError) in
            try UseReference(parsing: text)
        }
        if let url = daemon.url, !url.hasPrefix("unix:") { _ = try daemon.address() }
        let gathering = DoctorGathering(
            daemon: daemon,
            references: references,
            cachixHost: try host.map(Self.checked),
            environment: ProcessInfo.processInfo.environment
        )
        let findings = await gathering.gather().findings
        let view = DoctorView(findings: findings, fixes: fix ? DoctorFixes.apply(findings) : [:])
        let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
        StandardOutput.write(json ? try view.json() : view.lines(style).joined(separator: "\n"))
        if !view.failures.isEmpty { throw ExitCode.failed }
    }

    private static func checked(_ text: String) throws -> TierURL {
        do throws(TierURL.ParseError) {
            return try TierURL(parsing: text)
        } catch .hasCredentials {
            throw ValidationError("--host has a user name or password in it; it takes none")
        } catch {
            throw ValidationError("--host takes http://HOST or https://HOST: it \(error.reason)")
        }
    }
}
