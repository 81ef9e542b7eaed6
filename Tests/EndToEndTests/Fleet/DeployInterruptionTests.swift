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
        system.before = """
            : >/var/lib/fake-nixos/here
            tries=0
            until [ -e /var/lib/fake-nixos/go ] || [ "$tries" -gt 1000 ]; do
                tries=$((tries + 1))
                sleep 0.1
            done
            """
        try await interrupt(system, at: "a switch", if: "test -e /var/lib/fake-nixos/here") {
            """
            until [ -e /var/lib/firn-deployments/*/abandoned ]; do sleep 0.1; done
            : >/var/lib/fake-nixos/go
            """
        }
    }

    /// Nobody new is let in, so that the confirmation does not get through.
    @Test func whileConfirmingTheHostGoesBack() async throws {
        var system = FakeSystem("samsung", version: "2")
        system.after = "kill -STOP \"$(cat /run/sshd.pid)\""
        let isWaiting = "grep -q awaiting /var/lib/firn-deployments/*/phase"
        try await interrupt(system, at: "a confirmation", if: isWaiting) { "true" }
    }

    private func interrupt(
        _ system: FakeSystem,
        at what: String,
        if condition: String,
        afterwards script: () -> String
    ) async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.want(system, on: "samsung")
            try machines.configure()
            let outcome = try await machines.firn(
                ["deploy", "samsung", "--json"],
                interruptedAt: what
            ) {
                try await samsung.command("sh", ["-c", condition]).run(deadline: .seconds(30))
                    .status == 0
            } afterwards: {
                try await samsung.sh(script())
            }
            try expect(outcome, "rolled-back", "it was called off", of: machines)
            try await machines.expect("samsung", runs: old)
            #expect(try await samsung.sh("ls /var/lib/firn-deployments/lease || true").isEmpty)
            // It is what the last run left otherwise than asked.
            let left = try await machines.desk.sh("cat /var/lib/firn/fleet/left.json")
            #expect(left == "[\"samsung\"]")
        }
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
