// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import FleetTestSupport
import NixFormat
import Testing

/// The target's side of a deploy, over real ssh, on machines that only seem to be NixOS.
@Suite(.fewAtATime) struct TargetSwitchTests {
    @Test func aHealthySwitchRunsBootsAndIsTheProfile() async throws {
        try await withTarget { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            let new = try await target.host.build(FakeSystem("samsung", version: "2"))

            let outcome = try await target.deploy(new) { $0.lineage = "rev 1234" }
            #expect(outcome.ending == .done)
            #expect(outcome.reason == .asked)
            #expect(outcome.old == target.path(old))
            #expect(outcome.running == target.path(new))
            #expect(outcome.exitCode == 0)
            #expect(outcome.processorTime != nil)
            try await target.expect(running: new, profile: new, boots: new)

            let facts = try await target.session.facts(asRoot: true)
            #expect(facts.running == target.path(new))
            #expect(facts.lineage == "rev 1234")
            #expect(facts.lease == nil)
            #expect(facts.unsettled.isEmpty)
            #expect(facts.lastOutcome == outcome)
            let kinds = target.events.map(\.kind)
            #expect(kinds.contains(.confirmed))
            #expect(kinds.last == .ended(outcome))
        }
    }

    /// What each exit code of an activation leads to.
    struct Code: Sendable, CustomTestStringConvertible {
        let code: Int
        var activatesAnyway = false
        var inhibitors: String?
        let ending: SwitchOutcome.Ending
        let reason: SwitchOutcome.Reason
        var testDescription: String { "\(code) \(ending) \(reason)" }
    }

    static let codes = [
        Code(code: 1, ending: .refused, reason: .refusedByItself),
        Code(code: 1, activatesAnyway: true, ending: .rolledBack, reason: .exitCode),
        Code(code: 1, inhibitors: "dbus", ending: .staged, reason: .inhibited),
        Code(code: 2, ending: .rolledBack, reason: .activationScript),
        Code(code: 3, ending: .rolledBack, reason: .exitCode),
        Code(code: 4, ending: .done, reason: .asked),
        Code(code: 100, ending: .staged, reason: .needsRestart),
        Code(code: 101, ending: .rolledBack, reason: .crashed),
        Code(code: 101, activatesAnyway: true, ending: .rolledBack, reason: .crashed),
    ]

    @Test(arguments: codes)
    func anExitCodeLeadsWhereThePolicySays(_ code: Code) async throws {
        try await withTarget { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.exitCode = code.code
            system.activatesAnyway = code.activatesAnyway
            system.inhibitors = code.inhibitors
            let new = try await target.host.build(system)

            let outcome = try await target.deploy(new)
            #expect(outcome.ending == code.ending)
            #expect(outcome.reason == code.reason)
            #expect(outcome.exitCode == Int32(code.code))
            switch code.ending {
            case .done: try await target.expect(running: new, profile: new, boots: new)
            case .staged: try await target.expect(running: old, profile: new, boots: new)
            default: try await target.expect(running: old, profile: old, boots: old)
            }
        }
    }

    @Test func anActivationThatDoesNotEndIsUndone() async throws {
        try await withTarget { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.after = "hang"
            let new = try await target.host.build(system)
            let outcome = try await target.deploy(new) { $0.activationTimeout = .seconds(15) }
            #expect(outcome.ending == .rolledBack)
            #expect(outcome.reason == .timedOut)
            try await target.expect(running: old, profile: old, boots: old)
        }
    }

    @Test func onlyUnitsThatFailedNewlyUndoASwitch() async throws {
        try await withTarget(.samsung { $0.hasSystemd = true }) { target in
            try await target.host.sh("echo broken.service >/var/lib/fake-nixos/broken-units")
            var system = FakeSystem("samsung", version: "1")
            system.units = ["web.service"]
            let old = try await target.host.install(system)
            // One that failed before is no reason.
            system.version = "2"
            let second = try await target.host.build(system)
            let facts = try await target.session.facts(asRoot: true)
            #expect(facts.failedUnits == ["broken.service"])
            #expect(facts.hasSystemd)
            let kept = try await target.deploy(second) {
                $0.health.checks = [.unit("web.service")]
            }
            #expect(kept.ending == .done)
            #expect(kept.exitCode == 4)
            #expect(kept.newlyFailedUnits.isEmpty)
            try await target.expect(running: second, profile: second, boots: second)
            #expect(
                try await target.host.sh("cat /var/lib/fake-nixos/units").contains("firn-deploy")
            )

            system.version = "3"
            system.failingUnits = ["web.service"]
            let third = try await target.host.build(system)
            let undone = try await target.deploy(third)
            #expect(undone.ending == .rolledBack)
            #expect(undone.reason == .units)
            #expect(undone.newlyFailedUnits == ["web.service"])
            try await target.expect(running: second, profile: second, boots: second)
            #expect(old != second)
        }
    }

    @Test func aUnitMayRecoverWithinTheSettleTime() async throws {
        try await withTarget(.samsung { $0.hasSystemd = true }) { target in
            try await target.host.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.failingUnits = ["slow.service"]
            system.after = "{ sleep 2; unit mend slow.service; } >/dev/null 2>&1 8>&- &"
            let new = try await target.host.build(system)
            let outcome = try await target.deploy(new) {
                $0.health.settle = .seconds(20)
                $0.health.deadline = .seconds(60)
            }
            #expect(outcome.ending == .done)
            try await target.expect(running: new, profile: new, boots: new)
        }
    }

    @Test func checksHoldOrTheSwitchIsUndone() async throws {
        try await withTarget { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            let new = try await target.host.build(FakeSystem("samsung", version: "2"))
            let bad: [HealthCheck] = [
                .tcp(host: "127.0.0.1", port: 9), .http(url: "http://127.0.0.1:9/"),
                .command("echo it is 'not' well; exit 7"), .unit("web.service"),
            ]
            for check in bad {
                let outcome = try await target.deploy(new) {
                    $0.health = HealthPolicy(
                        checks: [check],
                        settle: .zero,
                        deadline: .seconds(1)
                    )
                }
                #expect(outcome.ending == .rolledBack)
                #expect(outcome.reason == .unhealthy)
                #expect(!outcome.detail.isEmpty)
                try await target.expect(running: old, profile: old, boots: old)
            }
            #expect(target.log.contains("it is not well"))
            // A retry of the same closure, after all that.
            let good = try await target.deploy(new) {
                $0.health.checks = [
                    .tcp(host: "127.0.0.1", port: 22),
                    .command("[ \"$(readlink /run/current-system)\" = \(new) ]\ntrue"),
                ]
            }
            #expect(good.ending == .done)
            try await target.expect(running: new, profile: new, boots: new)
        }
    }

    @Test func theOtherModesLeaveWhatTheyShould() async throws {
        try await withTarget { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            let new = try await target.host.build(FakeSystem("samsung", version: "2"))

            let previewed = try await target.deploy(new) { $0.mode = .dryActivate }
            #expect(previewed.ending == .previewed)
            #expect(target.log.contains("would activate \(new)"))
            try await target.expect(running: old, profile: old, boots: old)

            let tested = try await target.deploy(new) { $0.mode = .test }
            #expect(tested.ending == .tested)
            try await target.expect(running: new, profile: old, boots: old)

            // A start of the machine brings back what boots.
            try await target.host.powerOff()
            try await target.host.powerOn()
            try await target.expect(running: old, profile: old, boots: old)

            let staged = try await target.deploy(new) { $0.mode = .boot }
            #expect(staged.ending == .staged)
            #expect(staged.reason == .asked)
            try await target.expect(running: old, profile: new, boots: new)
            let facts = try await target.session.facts(asRoot: true)
            #expect(facts.running == target.path(old))
            #expect(facts.profile == target.path(new))
        }
    }

    @Test func anEmergencyAsksForNothingButABootLoader() async throws {
        try await withTarget { target in
            try await target.host.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.exitCode = 2
            let new = try await target.host.build(system)
            let outcome = try await target.deploy(new) {
                $0.isEmergency = true
                $0.health.checks = [.command("false")]
            }
            #expect(outcome.ending == .done)
            try await target.expect(running: new, profile: new, boots: new)
            system.version = "3"
            system.bootExitCode = 1
            let unbootable = try await target.host.build(system)
            let undone = try await target.deploy(unbootable) { $0.isEmergency = true }
            #expect(undone.ending == .rolledBack)
            #expect(undone.reason == .bootLoader)
            try await target.expect(running: new, profile: new, boots: new)
        }
    }

    /// The wrapper is what other deployers put into the profile.
    @Test func oneGoesBackToAGenerationWhoeverMadeIt() async throws {
        try await withTarget { target in
            let first = try await target.host.install(FakeSystem("samsung", version: "1"))
            let inner = try await target.host.build(FakeSystem("samsung", version: "2"))
            let wrapper = try await target.host.build(
                """
                derivation {
                  name = "activatable-samsung";
                  system = builtins.currentSystem;
                  builder = "/bin/sh";
                  PATH = "/bin:/usr/bin";
                  inner = builtins.storePath "\(inner)";
                  args = [ "-c" "mkdir -p $out/bin; ln -s $inner/bin/switch-to-configuration $out/bin" ];
                }
                """
            )
            try await target.host.sh(
                """
                set -e
                nix-env -p /nix/var/nix/profiles/system --set "$1"
                "$1/bin/switch-to-configuration" boot
                "$1/bin/switch-to-configuration" test
                """,
                [wrapper]
            )
            let third = try await target.host.build(FakeSystem("samsung", version: "3"))
            #expect(try await target.session.facts(asRoot: true).profile == target.path(inner))
            #expect(try await target.deploy(third).ending == .done)

            for (generation, path, runs) in [(2, wrapper, inner), (1, first, first)] {
                let outcome = try await target.deploy(path) { $0.generation = generation }
                #expect(outcome.ending == .done)
                try await target.expect(running: runs, profile: path, boots: runs)
                let facts = try await target.session.facts(asRoot: true)
                #expect(facts.generation == generation)
                #expect(facts.generations.map(\.number) == [1, 2, 3])
            }
        }
    }

    @Test func collectionTakesNothingThatADeployNeeds() async throws {
        try await withTarget { target in
            try await target.host.install(FakeSystem("samsung", version: "1"))
            // Runs, and is in no profile: only the deploy keeps it.
            let tested = try await target.host.build(FakeSystem("samsung", version: "2"))
            #expect(try await target.deploy(tested) { $0.mode = .test }.ending == .tested)
            let new = try await target.host.build(FakeSystem("samsung", version: "3"))
            var observer = target.observer()
            let host = target.host
            observer.beforeConfirming = {
                try await host.run("nix-store", ["--gc"])
                try await host.sh("test -d \"$1\" && test -d \"$2\"", [tested, new])
                throw FleetFault(description: "called off")
            }
            let order = try target.order(new)
            let outcome = try await target.deploy(order, observer: observer)
            #expect(outcome.ending == .rolledBack)
            #expect(outcome.reason == .abandoned)
            #expect(try await host.systems().running == tested)
            #expect(try await host.sh("ls /nix/var/nix/gcroots/firn-deployments").isEmpty)
        }
    }
}
