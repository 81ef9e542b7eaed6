// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import Testing

/// The real command, ssh and Nix, a real Firn, and machines made of namespaces.
@Suite(.fewAtATime) struct DeployCommandTests {
    @Test func hostsPullFromTheirBuilderAndTheDeployerCarriesNextToNothing() async throws {
        try await withCommandFleet(["samsung", "razer"]) { machines in
            for name in ["samsung", "razer"] {
                try await machines.fleet[name].install(FakeSystem(name, version: "1"))
                var system = FakeSystem(name, version: "2")
                system.payloadKiB = 20_000
                try machines.want(system, on: name)
            }
            try machines.configure(["samsung": "", "razer": ""])
            let before = try await machines.desk.networkBytes()
            let outcome = try await machines.firn(["deploy", "samsung", "razer", "--json"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let after = try await machines.desk.networkBytes()
            let carried = after.sent + after.received - before.sent - before.received
            #expect(carried < 2 * 64 << 10, "the deployer carried \(carried) bytes")
            let reports = try machines.reports(outcome)
            for name in ["samsung", "razer"] {
                #expect(reports[name]?.outcome == "done")
                try await machines.expect(name, runs: try #require(reports[name]?.wanted))
            }

            // A host that is taken out of the configuration has no roots any more; others' stay.
            let roots = "~/.local/state/firn/roots"
            try await machines.builder.sh("mkdir \(roots)/p510; echo a@b >\(roots)/p510/.by")
            try machines.configure(["samsung": ""])
            try machines.want(FakeSystem("samsung", version: "3"), on: "samsung")
            let third = try await machines.firn(["deploy", "samsung"])
            #expect(third.status == 0, "\(third.errors)")
            let kept = try await machines.builder.sh("ls \(roots)")
            #expect(kept.split(separator: "\n") == ["p510", "samsung"])
        }
    }

    /// The very first deploy of a host, to which everything has to be told.
    @Test func theDeployerCarriesLessThan64KiBForOneHostWhateverTheClosure() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.payloadKiB = 200 << 10
            try machines.want(system, on: "samsung")
            try machines.configure()
            let before = try await machines.desk.networkBytes()
            let outcome = try await machines.firn(["deploy", "samsung", "--json"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let after = try await machines.desk.networkBytes()
            let carried = after.sent + after.received - before.sent - before.received
            #expect(carried < 64 << 10, "the deployer carried \(carried) bytes")
            print("bytes through the deployer for one host: \(carried)")
            let report = try #require(try machines.reports(outcome)["samsung"])
            #expect(report.pull?.wireBytes ?? 0 > 200 << 20)
            try await machines.expect("samsung", runs: try #require(report.wanted))
        }
    }

    @Test func anEmergencyAsksForTheHostsNameAndTakesWhatRuns() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            let actions = try await samsung.actions()
            var bad = FakeSystem("samsung", version: "2")
            // Anywhere else this undoes a switch.
            bad.exitCode = 3
            try machines.want(bad, on: "samsung")
            try machines.configure()
            let words = ["deploy", "samsung", "--emergency"]
            let other = try await machines.firn(words, input: "razer\n")
            #expect(other.status == 4)
            #expect(other.errors.contains("what was typed is not \"samsung\""))
            let two = try await machines.firn(words + ["p620"], input: "samsung\n")
            #expect(two.status == 2)
            #expect(try await samsung.actions() == actions)
            try await machines.expect("samsung", runs: old)

            let outcome = try await machines.firn(words + ["--json"], input: "samsung\n")
            #expect(outcome.status == 0, "\(outcome.errors)")
            let report = try #require(try machines.reports(outcome)["samsung"])
            #expect(report.outcome == "done")
            try await machines.expect("samsung", runs: try #require(report.wanted))
            // It built for itself, and nobody was asked for anything.
            let roots = try await machines.builder.sh("ls ~/.local/state/firn/roots || true")
            #expect(roots.isEmpty)
        }
    }

    @Test func anUnchangedHostIsLeftAloneAndItsBuilderKeepsWhatItCouldGoBackTo() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.configure()
            for version in ["2", "3"] {
                try machines.want(FakeSystem("samsung", version: version), on: "samsung")
                let outcome = try await machines.firn(["deploy", "samsung"])
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
            let actions = try await samsung.actions()
            let again = try await machines.firn(["deploy", "samsung", "--json"])
            #expect(again.status == 0)
            #expect(try machines.reports(again)["samsung"]?.outcome == "unchanged")
            #expect(try await samsung.actions() == actions)
            let hosts = try await machines.firn(["hosts", "samsung"])
            #expect(hosts.text.contains("samsung  current"), "\(hosts.text)")

            // The first was never on the builder.
            let roots = try await machines.builder.sh("ls ~/.local/state/firn/roots/samsung")
            let names = roots.split(separator: "\n").map { $0.dropFirst(33) }.sorted()
            #expect(names == ["nixos-system-samsung-2", "nixos-system-samsung-3"])

            // A host that is not in the configuration any more is let go with the next deploy.
            try machines.want(FakeSystem("samsung", version: "4"), on: "laptop")
            try machines.configure(["laptop": "addresses = [\"samsung\"]"])
            #expect(try await machines.firn(["deploy", "laptop"]).status == 0)
            let left = try await machines.builder.sh("ls ~/.local/state/firn/roots")
            #expect(left == "laptop")
        }
    }

    @Test func aUnitThatNewlyFailsTakesTheHostBackAndACorrectionIsDeployedAfterwards() async throws
    {
        var plan = NamespaceHost.Plan("samsung")
        plan.hasSystemd = true
        try await withCommandFleet([plan]) { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            var bad = FakeSystem("samsung", version: "2")
            bad.units = ["web.service"]
            bad.failingUnits = ["web.service"]
            try machines.want(bad, on: "samsung")
            try machines.configure()
            let outcome = try await machines.firn(["deploy", "samsung"])
            #expect(outcome.status == 6, "\(outcome.errors)")
            #expect(outcome.text.contains("web.service"), "\(outcome.text)")
            try await machines.expect("samsung", runs: old)

            bad.failingUnits = []
            try machines.want(bad, on: "samsung")
            let second = try await machines.firn(["deploy", "--retry", "--json"])
            #expect(second.status == 0, "\(second.errors)")
            let report = try #require(try machines.reports(second)["samsung"])
            try await machines.expect("samsung", runs: try #require(report.wanted))

            let back = try await machines.firn(["rollback", "samsung"])
            #expect(back.status == 0, "\(back.errors)")
            try await machines.expect("samsung", runs: old)
        }
    }

    @Test func theHostBuildsForItselfOrIsSentWhatWasBuiltHere() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.configure()
            for (version, via) in [("2", "target"), ("3", "here")] {
                try machines.want(FakeSystem("samsung", version: version), on: "samsung")
                let outcome = try await machines.firn(["deploy", "samsung", "--via", via, "--json"])
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try #require(try machines.reports(outcome)["samsung"])
                try await machines.expect("samsung", runs: try #require(report.wanted))
            }
            // Neither way has asked the builder for anything.
            let roots = try await machines.builder.sh("ls ~/.local/state/firn/roots || true")
            #expect(!roots.contains("samsung-2"))
        }
    }

    @Test func whatIsStagedBootsNextAndARollbackGoesBackFromWhatRuns() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let oldest = try await samsung.install(FakeSystem("samsung", version: "0"))
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure()
            try await preview(machines, old)

            let outcome = try await machines.firn(["deploy", "samsung", "--boot"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let systems = try await samsung.systems()
            #expect(systems.running == old)
            #expect(systems.boots == systems.profile && systems.boots != old)
            let hosts = try await machines.firn(["hosts"])
            #expect(hosts.text.contains("staged for boot"), "\(hosts.text)")

            let none = try await machines.firn(["rollback", "samsung", "--to", "99"])
            #expect(none.status == 4)
            #expect(none.text.contains("has no generation 99"), "\(none.text)")
            // It did say what it runs.
            #expect(none.text.contains("nixos-system-samsung-1 ("), "\(none.text)")
            let back = try await machines.firn(["rollback", "samsung"])
            #expect(back.status == 0, "\(back.errors)")
            try await machines.expect("samsung", runs: oldest)
            #expect(back.text.contains("from generation 2 to generation 1"), "\(back.text)")
            #expect(back.text.contains("generation 3, which was to boot next"), "\(back.text)")
        }
    }

    /// Says what would be, and neither does nor forgets anything.
    private func preview(_ machines: CommandFleet, _ old: String) async throws {
        let samsung = machines.fleet["samsung"]
        let outcome = try await machines.firn(["deploy", "samsung", "--dry-run"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            outcome.text.firstMatch(
                of: /nothing done: nixos-system-samsung-1 \(.{5}\) -> nixos-system-samsung-2/
            ) != nil,
            "\(outcome.text)"
        )
        #expect(outcome.text.contains("; fetched "), "\(outcome.text)")
        #expect(outcome.text.contains("would activate "), "\(outcome.text)")
        try await machines.expect("samsung", runs: old)
        #expect(
            !(try await samsung.actions()).contains { $0.contains("test") && $0.contains("-2") }
        )
        let again = try await machines.firn(["deploy", "samsung", "--dry-run", "--json"])
        let report = try #require(try machines.reports(again)["samsung"])
        #expect(report.notes.contains { $0.contains("would activate") }, "\(report.notes)")
        #expect(report.reason?.contains("nothing had to be fetched") == true)
        let receipts = try await machines.firn(["report", "--json"])
        #expect(receipts.lines.count == 2)
        #expect(receipts.lines.allSatisfy { $0.contains("\"outcome\":\"previewed\"") })
        let log = try await machines.desk.sh("cat /var/lib/firn/fleet/logs/samsung/*")
        #expect(!log.contains("StorePath(") && !log.contains("firn-built"), "\(log)")
    }

    @Test func whatOnlyARestartBringsIntoEffectIsStagedOnce() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.exitCode = 100
            try machines.want(system, on: "samsung")
            try machines.configure()
            var actions: [String] = []
            for words in [["samsung"], ["samsung"], ["--retry"]] {
                let outcome = try await machines.firn(["deploy", "--json"] + words)
                #expect(outcome.status == 4, "\(outcome.errors)")
                let report = try #require(try machines.reports(outcome)["samsung"])
                #expect(report.outcome == "staged")
                #expect(report.reason?.contains("only a restart") == true)
                #expect(report.running == old)
                let now = try await samsung.actions()
                #expect(actions.isEmpty || now == actions, "\(now)")
                actions = now
            }
            try await samsung.powerOff()
            try await samsung.powerOn()
            try await machines.reach("samsung")
            let after = try await machines.firn(["deploy", "--retry"])
            #expect(after.status == 0, "\(after.text)")
            #expect(after.text.contains("unchanged"))
        }
    }
}

extension CommandFleet {
    /// What runs, what the profile names and what would be booted, as the machine itself has it.
    func expect(
        _ host: String,
        runs system: String,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let systems = try await fleet[host].systems()
        #expect(systems.running == system, sourceLocation: location)
        #expect(systems.profile == system, sourceLocation: location)
        #expect(systems.boots == system, sourceLocation: location)
    }
}
