// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import NixFormat
import Testing

/// What goes wrong in the middle of a switch; the oracle is what is on the machine afterwards.
@Suite(.fewAtATime) struct TargetTroubleTests {
    /// Ways to be out of reach that only the old system ends.
    @Test(arguments: ["ip link set eth0 down", "stop-sshd"])
    func aHostThatIsOutOfReachGoesBackByItself(_ cut: String) async throws {
        try await withTarget { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.after = cut
            let new = try await target.host.build(system)
            let outcome = try await target.deploy(new) { $0.confirmTimeout = .seconds(5) }
            #expect(outcome.ending == .rolledBack)
            #expect(outcome.reason == .unconfirmed)
            try await target.expect(running: old, profile: old, boots: old)
            #expect(try await target.session.facts(asRoot: true).lease == nil)
        }
    }

    /// sshd and the network come back by themselves: nothing has to be undone.
    @Test func aConnectionThatBreaksMidSwitchIsMadeAgain() async throws {
        try await withTarget { target in
            try await target.host.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.before = "stop-sshd; sleep 1; start-sshd 8>&-"
            system.after = "ip link set eth0 down; sleep 1; ip link set eth0 up"
            let new = try await target.host.build(system)
            let outcome = try await target.deploy(new)
            #expect(outcome.ending == .done)
            try await target.expect(running: new, profile: new, boots: new)
            // Each line of the journal was seen once.
            let started = target.events.filter {
                if case .started = $0.kind { true } else { false }
            }
            #expect(started.count == 1)
        }
    }

    @Test func aDeployerThatIsKilledLeavesTheOldSystem() async throws {
        try await withTarget { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            let new = try await target.host.build(FakeSystem("samsung", version: "2"))
            let order = try target.order(new) { $0.confirmTimeout = .seconds(3) }
            var observer = target.observer()
            observer.beforeConfirming = {
                // Nothing comes of it any more.
                try await Task.sleep(for: .seconds(3600))
            }
            let deployer = Task { [observer] in
                try await target.deploy(order, observer: observer)
            }
            try await wait(for: "a deploy that waits", within: .seconds(60)) {
                target.events.contains {
                    if case .awaitingConfirmation = $0.kind { true } else { false }
                }
            }
            deployer.cancel()
            _ = await deployer.result
            try await wait(for: "an outcome on the target", within: .seconds(60)) {
                try await target.session.facts(asRoot: true).lastOutcome != nil
            }
            let facts = try await target.session.facts(asRoot: true)
            #expect(facts.lastOutcome?.ending == .rolledBack)
            #expect(facts.lastOutcome?.reason == .unconfirmed)
            #expect(facts.lease == nil)
            try await target.expect(running: old, profile: old, boots: old)
        }
    }

    @Test func aConfirmationThatComesTooLateIsTold() async throws {
        try await withTarget { target in
            try await target.host.install(FakeSystem("samsung", version: "1"))
            let new = try await target.host.build(FakeSystem("samsung", version: "2"))
            let order = try target.order(new) { $0.confirmTimeout = .seconds(1) }
            var observer = target.observer()
            let session = target.session
            observer.beforeConfirming = {
                try await wait(for: "a roll-back", within: .seconds(60)) {
                    try await session.facts(asRoot: true).lastOutcome != nil
                }
                let isInTime = try await session.confirm(order.token, deadline: .seconds(30))
                #expect(!isInTime)
            }
            let outcome = try await target.deploy(order, observer: observer)
            #expect(outcome.ending == .rolledBack)
        }
    }

    /// Where in a switch something happens.
    enum Place: CaseIterable, Sendable {
        case beforeActivation, afterActivation, check, confirmation, bootLoader, rollBack
    }

    /// A switch in which a command runs at one place.
    private func deploy(
        _ command: String,
        at place: Place,
        on target: DeployTarget
    ) async throws -> (old: String, new: String, outcome: Task<SwitchOutcome, any Error>) {
        var first = FakeSystem("samsung", version: "1")
        var second = FakeSystem("samsung", version: "2")
        var checks: [HealthCheck] = []
        switch place {
        case .beforeActivation: second.before = command
        case .afterActivation: second.after = command
        case .check: checks = [.command(command)]
        case .confirmation: break
        case .bootLoader: second.beforeBoot = command
        case .rollBack:
            // Not when it is installed.
            first.before = "[ ! -d /var/lib/firn-deployments ] || \(command)"
            second.exitCode = 3
        }
        let old = try await target.host.install(first)
        let new = try await target.host.build(second)
        let order = try target.order(new) { $0.health.checks = checks }
        var observer = target.observer()
        if place == .confirmation {
            let host = target.host
            observer.beforeConfirming = { [command] in
                _ = try await host.command("sh", ["-c", command]).run(deadline: .seconds(60))
            }
        }
        let task = Task { [observer] in try await target.deploy(order, observer: observer) }
        return (old, new, task)
    }

    @Test(arguments: Place.allCases)
    func aKilledSupervisorIsSettled(_ place: Place) async throws {
        try await withTarget { target in
            let (old, new, task) = try await deploy("kill-supervisor", at: place, on: target)
            let outcome = try await task.value
            #expect(outcome.isSettled)
            if [.confirmation, .bootLoader].contains(place) {
                // The deployer has confirmed, so it is brought to its end.
                #expect(outcome.ending == .done)
                try await target.expect(running: new, profile: new, boots: new)
            } else {
                #expect(outcome.ending == .rolledBack)
                #expect(outcome.reason == .supervisorDied)
                try await target.expect(running: old, profile: old, boots: old)
            }
            let facts = try await target.session.facts(asRoot: true)
            #expect(facts.unsettled.isEmpty)
            #expect(facts.lease == nil)
        }
    }

    @Test(arguments: Place.allCases)
    func aMachineThatLostItsPowerIsSettled(_ place: Place) async throws {
        try await withTarget { target in
            let (old, _, task) = try await deploy("hang", at: place, on: target)
            let here = "\(target.host.folder)/var-lib/fake-nixos/here"
            try await wait(for: "the switch at its place", within: .seconds(60)) {
                (try? String(contentsOfFile: here, encoding: .utf8)) != nil
            }
            try await target.host.powerOff()
            try await target.host.powerOn()
            // The power was gone before the boot loader knew of the new system.
            #expect(try await target.host.systems().running == old)
            if place == .confirmation {
                // What hangs is the deployer's own step, and it died with the machine.
                try await target.host.sh("rm -f /var/lib/fake-nixos/here")
            }
            let outcome = try await task.value
            #expect(outcome.isSettled)
            #expect(outcome.ending == .rolledBack)
            #expect(outcome.reason == .restarted)
            try await target.expect(running: old, profile: old, boots: old)
            #expect(try await target.session.facts(asRoot: true).unsettled.isEmpty)
        }
    }

    /// The next deployer, without having been asked, says what became of the one before it.
    @Test func theNextDeployerSettlesWhatWasLeft() async throws {
        try await withTarget { target in
            let (old, new, task) = try await deploy("hang", at: .afterActivation, on: target)
            let here = "\(target.host.folder)/var-lib/fake-nixos/here"
            try await wait(for: "the switch at its place", within: .seconds(60)) {
                (try? String(contentsOfFile: here, encoding: .utf8)) != nil
            }
            task.cancel()
            _ = await task.result
            try await target.host.powerOff()
            try await target.host.powerOn()
            #expect(try await target.session.facts(asRoot: true).unsettled.count == 1)

            let token = DeployToken()
            let grant = try await target.session.takeLease(token, for: "zoe@laptop")
            #expect(grant.settled.map(\.ending) == [.rolledBack])
            #expect(grant.settled.map(\.reason) == [.restarted])
            #expect(grant.settled.first?.new == target.path(new))
            try await target.session.release(token)
            try await target.expect(running: old, profile: old, boots: old)
        }
    }

    @Test func aFullBootPartitionUndoesTheSwitch() async throws {
        try await withTarget(.samsung { $0.bootKiB = 300 }) { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.kernelKiB = 400
            let new = try await target.host.build(system)
            var question = PreflightQuestion()
            question.systemPath = new
            let findings = try await target.session.preflight(question)
            #expect(findings.map(\.kind) == [.bootSpace])
            // Nothing is begun that is known not to fit.
            await #expect(throws: TargetError.self) { try await target.deploy(new) }
            try await target.expect(running: old, profile: old, boots: old)

            // What fits when it begins may not fit when it ends.
            system.kernelKiB = 100
            system.version = "3"
            system.after = "cat /dev/zero >/boot/fill 2>/dev/null"
            let third = try await target.host.build(system)
            let outcome = try await target.deploy(third)
            #expect(outcome.ending == .rolledBack)
            #expect(outcome.reason == .bootLoader)
            try await target.expect(running: old, profile: old, boots: old)
            #expect(try await target.session.facts(asRoot: true).generations.count == 1)
        }
    }

    /// The disk is full from the activation on: of the state folder, or of the store.
    @Test(arguments: ["/var/lib", "/nix"])
    func aFullDiskLeavesProfileAndSystemAlike(_ disk: String) async throws {
        let plan = NamespaceHost.Plan.samsung {
            $0.varLibKiB = 2048
            $0.nixKiB = 16384
        }
        try await withTarget(plan) { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.after = "cat /dev/zero >\(disk)/fill 2>/dev/null"
            let new = try await target.host.build(system)
            let outcome = try await target.deploy(new)
            let systems = try await target.host.systems()
            switch outcome.ending {
            case .done: #expect(systems == (new, new, new))
            case .rolledBack: #expect(systems == (old, old, old))
            default: Issue.record("\(outcome)")
            }
            // Whatever it was, there is nothing left to settle, and room makes it work.
            try await target.host.sh("rm \(disk)/fill")
            let facts = try await target.session.facts(asRoot: true)
            #expect(facts.lease == nil)
            #expect(facts.unsettled.isEmpty)
            let third = try await target.host.build(FakeSystem("samsung", version: "3"))
            #expect(try await target.deploy(third).ending == .done)
        }
    }

    @Test func aDiskThatIsFullBeforehandStopsEverything() async throws {
        try await withTarget(.samsung { $0.varLibKiB = 1024 }) { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            let new = try await target.host.build(FakeSystem("samsung", version: "2"))
            try await target.host.sh("cat /dev/zero >/var/lib/fill 2>/dev/null || true")
            await #expect(throws: TargetError.self) { try await target.deploy(new) }
            try await target.expect(running: old, profile: old, boots: old)
        }
    }
}
