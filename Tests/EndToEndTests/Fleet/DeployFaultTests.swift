// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import Testing

/// What breaks around a host while it is deployed to: its builder, the way there, the deployer's disk.
@Suite(.fewAtATime) struct DeployFaultTests {
    private static let hold = """
        : >/var/lib/fake-nixos/here
        until [ -e /var/lib/fake-nixos/go ]; do /bin/sleep 0.1 || exit 1; done
        """

    @Test func aBuilderThatDiesDuringABuildIsAsOneThatIsAway() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            let actions = try await samsung.actions()
            var system = FakeSystem("samsung", version: "2")
            system.duringBuild = Self.hold
            try machines.want(system, on: "samsung")
            try machines.configure()
            async let deploying = machines.firn(["deploy", "samsung", "--json"])
            try await Self.waitUntilHere(machines.builder)
            try await machines.builder.powerOff()
            let outcome = try await deploying
            #expect(outcome.status == 5, "\(outcome.text)\n\(outcome.errors)")
            let report = try #require(try machines.reports(outcome)["samsung"])
            #expect(report.outcome == "unreachable")
            #expect(report.reason?.hasPrefix("the builder p620: ssh: ") == true)
            try await machines.expect("samsung", runs: old)
            #expect(try await samsung.actions() == actions)

            // Who built in the end is what a receipt compares.
            try await samsung.sh(": >/var/lib/fake-nixos/go")
            let own = try await machines.firn(["deploy", "samsung", "--allow-target-build"])
            #expect(own.status == 0, "\(own.text)\n\(own.errors)")
            let receipt = try await machines.firn(["report", "--last", "1", "--json"])
            #expect(receipt.text.contains("\"strategy\":\"target\""), "\(receipt.text)")
        }
    }

    @Test func aConnectionThatBreaksDuringABuildIsMadeAgain() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.duringBuild = Self.hold
            try machines.want(system, on: "samsung")
            try machines.configure()
            async let deploying = machines.firn(["deploy", "samsung", "--json"])
            try await Self.waitUntilHere(machines.builder)
            try await machines.builder.sh(
                "stop-sshd; sleep 2; start-sshd; : >/var/lib/fake-nixos/go"
            )
            let outcome = try await deploying
            #expect(outcome.status == 0, "\(outcome.text)\n\(outcome.errors)")
            let report = try #require(try machines.reports(outcome)["samsung"])
            #expect(report.notes.contains { $0.hasPrefix("the connection to p620 broke (") })
            // What the build said is no word of ssh's.
            #expect(!report.notes.contains { $0.contains("building") }, "\(report.notes)")
            try await machines.expect("samsung", runs: try #require(report.wanted))
        }
    }

    @Test func aReceiptThatADiskHasNoRoomForIsTold() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.before = Self.hold
            try machines.want(system, on: "samsung")
            try machines.configure()
            try await machines.desk.sh(
                "mkdir -p /var/lib/firn && mount -t tmpfs -o size=512k tmpfs /var/lib/firn"
            )
            async let deploying = machines.firn(["deploy", "samsung"])
            try await Self.waitUntilHere(samsung)
            try await machines.desk.sh("! head -c 1000000 /dev/zero >/var/lib/firn/fill")
            try await samsung.sh(": >/var/lib/fake-nixos/go")
            let outcome = try await deploying
            #expect(outcome.status == 0, "\(outcome.text)\n\(outcome.errors)")
            #expect(outcome.text.contains("samsung: no receipt here: "), "\(outcome.text)")
            #expect(outcome.text.contains("samsung: --retry will take it again: "))
            let systems = try await samsung.systems()
            #expect(systems.running.hasSuffix("samsung-2"))
            #expect(systems.running == systems.profile && systems.running == systems.boots)
        }
    }

    /// Nix on the host asks them first, and ends when they do not answer.
    @Test func whatIsBuiltHereIsSentAlsoWhereTheHostsOwnCachesAreDead() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            try await samsung.sh(
                "echo substituters = http://127.0.0.1:1 >>\"$NIX_CONF_DIR/nix.conf\""
            )
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure()
            let outcome = try await machines.firn(["deploy", "samsung", "--via", "here", "--json"])
            #expect(outcome.status == 0, "\(outcome.text)\n\(outcome.errors)")
            let wanted = try machines.reports(outcome)["samsung"]?.wanted
            try await machines.expect("samsung", runs: try #require(wanted))
        }
    }

    /// The machine that deploys knows a name, a way there, and nothing else.
    @Test func aHostBehindAnotherOneIsReachedAsSSHIsToldAndByOneConnection() async throws {
        try await withCommandFleet(["samsung", "razer"]) { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure(["samsung": "addresses = [\"behind\"]"])
            try machines.fleet.directory.write(
                "Host behind\n  HostName samsung\n  ProxyJump razer\n",
                to: "desk/home/.ssh/config"
            )
            let clear = "cat /run/sshd.log | grep -c Accepted || true; : >/run/sshd.log"
            for host in [samsung, machines.fleet["razer"], machines.builder] {
                try await host.sh(clear)
            }
            let outcome = try await machines.firn(["deploy", "samsung", "--json"])
            #expect(outcome.status == 0, "\(outcome.text)\n\(outcome.errors)")
            let wanted = try machines.reports(outcome)["samsung"]?.wanted
            try await machines.expect("samsung", runs: try #require(wanted))
            // One for all of it, and one that confirms.
            #expect(try await samsung.sh(clear) == "2")
            #expect(try await machines.fleet["razer"].sh(clear) == "2")
            #expect(try await machines.builder.sh(clear) == "1")

            try machines.want(FakeSystem("samsung", version: "3"), on: "samsung")
            let sent = try await machines.firn(["deploy", "samsung", "--via", "here"])
            #expect(sent.status == 0, "\(sent.text)\n\(sent.errors)")
            #expect(try await samsung.systems().running.hasSuffix("samsung-3"))
        }
    }

    private static func waitUntilHere(_ host: NamespaceHost) async throws {
        try await wait(for: "what is held on \(host.name)", within: .seconds(120)) {
            try await host.command("test", ["-e", "/var/lib/fake-nixos/here"])
                .run(deadline: .seconds(30)).status == 0
        }
    }
}
