// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import Testing

/// Ctrl-C in the midst of a deploy; the oracle is what is on the host afterwards.
@Suite(.fewAtATime) struct DeployInterruptionTests {
    @Test func whilePullingNothingIsSwitchedAndThePullEnds() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            let actions = try await samsung.actions()
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure()
            try Self.holdPulls(on: samsung, of: machines.fleet)
            let here = "\(samsung.folder)/var-lib/fake-nixos/here"
            let outcome = try await machines.firn(
                ["deploy", "samsung", "--json"],
                interruptedAt: "a pull"
            ) {
                FileManager.default.fileExists(atPath: here)
            }
            try expect(outcome, "interrupted", "nothing was switched", of: machines)
            try await machines.expect("samsung", runs: old)
            #expect(try await samsung.actions() == actions)
            #expect(try await samsung.sh("ls /var/lib/firn-deployments/lease || true").isEmpty)
            try await samsung.sh(
                """
                tries=0
                while kill -0 "$(cat /var/lib/fake-nixos/here)" 2>/dev/null; do
                    tries=$((tries + 1))
                    [ "$tries" -lt 120 ] || exit 1
                    sleep 0.5
                done
                """
            )
        }
    }

    @Test func whileSwitchingTheHostGoesBack() async throws {
        var system = FakeSystem("samsung", version: "2")
        system.before = Self.waitForGo
        try await interrupt(system, at: "a switch", if: "test -e /var/lib/fake-nixos/here") {
            """
            until [ -e /var/lib/firn-deployments/*/abandoned ]; do sleep 0.1; done
            sleep 8
            : >/var/lib/fake-nixos/go
            """
        }
    }

    /// Nobody new is let in, so that the confirmation does not get through.
    @Test func whileConfirmingTheHostGoesBack() async throws {
        var system = FakeSystem("samsung", version: "2")
        system.after = "kill -STOP \"$(cat /run/sshd.pid)\""
        let isWaiting = "grep -q awaiting /var/lib/firn-deployments/*/phase"
        // The terminal is closed.
        try await interrupt(system, at: "a confirmation", if: isWaiting, by: "HUP") { "true" }
    }

    @Test func whatAKilledDeployerLeftIsKnownAndTriedAgainOnceTheHostIsBack() async throws {
        var system = FakeSystem("samsung", version: "2")
        system.before = Self.waitForGo
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.want(system, on: "samsung")
            try machines.configure(deploy: "confirm-timeout = \"10s\"")
            var sockets = ""
            let killed = try await machines.firn(
                ["deploy", "samsung"],
                interruptedAt: "a switch",
                by: "KILL"
            ) {
                guard try await Self.isHere(samsung) else { return false }
                sockets = try await machines.desk.sh(
                    "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -o '/tmp/firn-ssh-[^/]*' | head -n 1"
                )
                return true
            }
            #expect(killed.status == 137)
            #expect(FileManager.default.fileExists(atPath: sockets))
            let report = try await machines.firn(["report", "--json"])
            #expect(report.lines.count == 1)
            #expect(report.text.contains("\"outcome\":\"interrupted\""), "\(report.text)")
            #expect(report.text.contains("in the phase activate"), "\(report.text)")
            #expect(try await samsung.systems().running == old)

            // The host itself is at it still, and goes back when nobody confirms.
            try await samsung.sh(": >/var/lib/fake-nixos/go")
            let again = try await machines.firn(["deploy", "--retry", "--json"])
            #expect(again.status == 0, "\(again.text)\n\(again.errors)")
            #expect(!FileManager.default.fileExists(atPath: sockets))
            let host = try #require(try machines.reports(again)["samsung"])
            #expect(host.notes.contains { $0.contains("going back by itself") }, "\(host.notes)")
            try await machines.expect("samsung", runs: try #require(host.wanted))
            let actions = try await samsung.actions()
            #expect(actions.contains("begin test \(old)"))
            let all = try await machines.firn(["report", "--json"])
            #expect(all.lines.count == 2, "\(all.text)")
            let nothing = try await machines.firn(["deploy", "--retry"])
            #expect(nothing.errors.contains("nothing to try again"))
        }
    }

    private static let waitForGo = """
        : >/var/lib/fake-nixos/here
        tries=0
        until [ -e /var/lib/fake-nixos/go ] || [ "$tries" -gt 1000 ]; do
            tries=$((tries + 1))
            sleep 0.1
        done
        """

    private static func isHere(_ host: NamespaceHost) async throws -> Bool {
        try await host.command("test", ["-e", "/var/lib/fake-nixos/here"])
            .run(deadline: .seconds(30)).status == 0
    }

    private func interrupt(
        _ system: FakeSystem,
        at what: String,
        if condition: String,
        by signal: String = "INT",
        afterwards script: () -> String
    ) async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.want(system, on: "samsung")
            try machines.configure()
            var carried = 0
            let outcome = try await machines.firn(
                ["deploy", "samsung", "--json"],
                interruptedAt: what,
                by: signal
            ) {
                carried = try await Self.bytes(of: machines.desk)
                return try await samsung.command("sh", ["-c", condition])
                    .run(deadline: .seconds(30)).status == 0
            } afterwards: {
                try await samsung.sh(script())
            }
            try expect(outcome, "rolled-back", "it was called off", of: machines)
            carried = try await Self.bytes(of: machines.desk) - carried
            // However long the host takes.
            #expect(carried < 32 << 10, "calling it off carried \(carried) bytes")
            print("bytes through the deployer while calling off: \(carried)")
            try await machines.expect("samsung", runs: old)
            #expect(try await samsung.sh("ls /var/lib/firn-deployments/lease || true").isEmpty)
            // It is what the last run left otherwise than asked.
            let left = try await machines.desk.sh("cat /var/lib/firn/fleet/left.json")
            #expect(left == "[\"samsung\"]")
        }
    }

    private static func bytes(of host: NamespaceHost) async throws -> Int {
        let bytes = try await host.networkBytes()
        return bytes.received + bytes.sent
    }

    private func expect(
        _ outcome: CommandOutcome,
        _ word: String,
        _ reason: String,
        of machines: CommandFleet
    ) throws {
        #expect(outcome.status == 130, "\(outcome.text)\n\(outcome.errors)")
        let report = try #require(try machines.reports(outcome)["samsung"])
        #expect(report.outcome == word)
        #expect(report.reason == reason)
    }

    /// Nix on the host does not get on with what it is to fetch.
    private static func holdPulls(on host: NamespaceHost, of fleet: NamespaceFleet) throws {
        try fleet.directory.write(
            """
            #!/bin/sh
            case " $* " in
            *" internal-json "*)
                echo $$ >/var/lib/fake-nixos/here
                while :; do sleep 0.2; done
                ;;
            esac
            PATH=/usr/local/bin:/usr/bin:/bin exec nix-store "$@"

            """,
            to: "\(host.name)/bin/nix-store",
            mode: 0o755
        )
    }
}
