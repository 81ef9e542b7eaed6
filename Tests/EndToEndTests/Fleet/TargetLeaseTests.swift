// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import NixFormat
import Testing

/// Who may deploy, and what is looked at before.
@Suite(.fewAtATime) struct TargetLeaseTests {
    @Test func aSecondDeployerIsToldWhoHasTheLease() async throws {
        try await withTarget { target in
            let first = DeployToken()
            _ = try await target.session.takeLease(first, for: "olaf@p620")
            do {
                _ = try await target.session.takeLease(DeployToken(), for: "zoe@laptop")
                Issue.record("two deployers have the lease")
            } catch TargetError.leased(let lease) {
                #expect(lease.token == first)
                #expect(lease.who == "olaf@p620")
                #expect(lease.isHeld)
                #expect(abs(lease.since.timeIntervalSinceNow) < 600)
            }
            // The same one may ask again, and everybody may look.
            _ = try await target.session.takeLease(first, for: "olaf@p620")
            let shell = HostShell(to: target.host, from: target.fleet["p620"], as: "admin")
            let facts = try await TargetSession(shell: shell).facts(asRoot: false)
            #expect(facts.user == "admin")
            #expect(!facts.isRoot)
            #expect(facts.lease?.who == "olaf@p620")

            try await target.session.release(first)
            let grant = try await target.session.takeLease(DeployToken(), for: "zoe@laptop")
            #expect(grant.takenOverFrom == nil)
        }
    }

    @Test func aLeaseEndsWithItsTimeAndWithTheMachine() async throws {
        try await withTarget { target in
            let first = DeployToken()
            _ = try await target.session.takeLease(first, for: "olaf@p620", lasting: .seconds(1))
            try await wait(for: "end of the lease", within: .seconds(60)) {
                try await target.session.facts(asRoot: true).lease?.isHeld == false
            }
            let second = DeployToken()
            let grant = try await target.session.takeLease(second, for: "zoe@laptop")
            #expect(grant.takenOverFrom?.token == first)
            #expect(grant.takenOverFrom?.who == "olaf@p620")
            await #expect(throws: TargetError.self) {
                try await target.session.renewLease(first)
            }
            // Whose lease is lost begins nothing.
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            let new = try await target.host.build(FakeSystem("samsung", version: "2"))
            let order = try target.order(new, token: first)
            do {
                _ = try await target.session.apply(order)
                Issue.record("a switch without a lease")
            } catch TargetError.leaseLost(let lease) {
                #expect(lease?.token == second)
            }
            try await target.expect(running: old, profile: old, boots: old)

            try await target.host.powerOff()
            try await target.host.powerOn()
            let third = try await target.session.takeLease(DeployToken(), for: "max@p510")
            #expect(third.takenOverFrom?.token == second)
        }
    }

    @Test func aLeaseIsRenewedWhileItIsNeeded() async throws {
        try await withTarget { target in
            let token = DeployToken()
            let session = target.session
            try await session.withLease(token, for: "olaf@p620", lasting: .seconds(10)) { _ in
                // Longer than the lease lasts without being renewed.
                try await Task.sleep(for: .seconds(15))
                #expect(try await session.facts(asRoot: true).lease?.token == token)
                #expect(try await session.facts(asRoot: true).lease?.isHeld == true)
            }
            #expect(try await session.facts(asRoot: true).lease == nil)
        }
    }

    @Test func preflightFindsWhatIsWrongAndTouchesNothing() async throws {
        try await withTarget { target in
            try await target.host.install(FakeSystem("samsung", version: "1"))
            // What a log of sshd says is not of interest, nor when a folder was written to.
            let look = """
                find /var/lib /nix /boot /run ! -type d ! -name sshd.log -printf '%p %s %T@ %l\\n' |
                    sort
                """
            let before = try await target.host.sh(look)
            var question = PreflightQuestion()
            question.closureBytes = 1 << 50
            question.system = "riscv64-linux"
            question.checks = [.unit("web.service")]
            let findings = try await target.session.preflight(question)
            #expect(findings.map(\.kind) == [.noTool, .storeSpace, .otherSystem])
            #expect(findings.allSatisfy { !$0.detail.isEmpty && !$0.remedy.isEmpty })
            try await target.host.sh("rm -rf /var/lib/firn-deployments")
            let after = try await target.host.sh(look)
            #expect(before == after)

            var good = PreflightQuestion()
            good.closureBytes = 1000
            good.system = try await target.session.facts(asRoot: true).system
            good.checks = [.tcp(host: "127.0.0.1", port: 22), .http(url: "http://127.0.0.1/")]
            #expect(try await target.session.preflight(good).isEmpty)
            let plain = try await target.host.build(
                """
                derivation {
                  name = "plain"; system = builtins.currentSystem; builder = "/bin/sh";
                  args = [ "-c" "/bin/mkdir $out" ];
                }
                """
            )
            good.systemPath = plain
            #expect(try await target.session.preflight(good).map(\.kind) == [.noSystem])
            await #expect(throws: TargetError.self) { try await target.deploy(plain) }
        }
    }

    /// 200 times in all, two deployers come at random moments, and some of them give up half way.
    @Test(arguments: 0..<8)
    func twoDeployersNeverMeet(_ part: Int) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed of part \(part): \(seed)")
        try await withNamespaceFleet(["samsung"]) { fleet in
            let host = fleet["samsung"]
            let target = DeployTarget(
                fleet: fleet,
                session: TargetSession(shell: HostShell(to: host))
            )
            var systems = [try await host.install(FakeSystem("samsung", version: "0"))]
            for version in 1...2 {
                systems.append(try await host.build(FakeSystem("samsung", version: "\(version)")))
            }
            var random = SeededRandom(seed: seed)
            for _ in 0..<25 {
                let plans = (1...2).map { DeployerPlan(system: systems[$0], random: &random) }
                let before = try await host.systems().running
                let ends = await withTaskGroup(of: DeployerPlan.End.self) { group in
                    for plan in plans { group.addTask { await plan.run(on: target) } }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                try await check(ends, target, before: before)
            }
            // One switch at a time, from its beginning to its end.
            var open: String?
            for line in try await host.actions() {
                let words = line.split(separator: " ")
                if words[0] == "begin" {
                    #expect(open == nil, "\(line) within \(open ?? "")")
                    open = words.dropFirst().joined(separator: " ")
                } else {
                    #expect(words.dropFirst().joined(separator: " ").hasPrefix(open ?? "none"))
                    open = nil
                }
            }
        }
    }

    private func check(
        _ ends: [DeployerPlan.End],
        _ target: DeployTarget,
        before: String
    ) async throws {
        // Who gave up may have left a supervisor, or a lease that runs out.
        try await wait(for: "an end of all deploys", within: .seconds(60)) {
            let facts = try await target.session.facts(asRoot: true)
            return facts.lease?.isHeld != true && facts.unsettled.isEmpty
        }
        let systems = try await target.host.systems()
        #expect(systems.running == systems.profile)
        #expect(systems.running == systems.boots)
        let done = ends.compactMap { end -> String? in
            if case .done(let system) = end { system } else { nil }
        }
        let hasGivenUp = ends.contains(.gaveUp)
        for end in ends {
            if case .failed(let text) = end { Issue.record("\(text)") }
        }
        // What runs is what somebody was told, or, where nobody waited to be told, what was asked.
        if !hasGivenUp { #expect(([before] + done).contains(systems.running)) }
        if !done.isEmpty && !hasGivenUp { #expect(done.contains(systems.running)) }
    }
}

/// One deployer of a random meeting.
private struct DeployerPlan: Sendable {
    enum End: Equatable, Sendable {
        case done(String)
        case leased
        case gaveUp
        case failed(String)
    }

    let system: String
    let delay: Duration
    /// After this time it is killed, in some.
    let patience: Duration?

    init(system: String, random: inout SeededRandom) {
        self.system = system
        delay = .milliseconds(Int.random(in: 0...400, using: &random))
        let givesUp = Int.random(in: 0..<4, using: &random) == 0
        patience = givesUp ? .milliseconds(Int.random(in: 0...900, using: &random)) : nil
    }

    func run(on target: DeployTarget) async -> End {
        do {
            try await Task.sleep(for: delay)
            let order = try target.order(system) {
                $0.health.settle = .zero
                $0.confirmTimeout = .seconds(patience == nil ? 60 : 1)
            }
            return try await withThrowingTaskGroup(of: End.self) { group in
                group.addTask { try await deploy(order, to: target) }
                if let patience {
                    group.addTask {
                        try await Task.sleep(for: patience)
                        return .gaveUp
                    }
                }
                defer { group.cancelAll() }
                return try await group.next() ?? .gaveUp
            }
        } catch {
            return .failed("\(error)")
        }
    }

    private func deploy(_ order: SwitchOrder, to target: DeployTarget) async throws -> End {
        do {
            _ = try await target.session.takeLease(
                order.token,
                for: "somebody",
                lasting: .seconds(patience == nil ? 60 : 1)
            )
            let outcome = try await target.session.apply(order)
            // Nor does its confirmation always come within the second that it has.
            if patience != nil, outcome.reason == .unconfirmed { return .gaveUp }
            guard outcome.ending == .done else { return .failed("\(outcome)") }
            return .done(system)
        } catch TargetError.leased {
            return .leased
        } catch TargetError.leaseLost where patience != nil {
            // Its lease lasts no longer than a busy machine may take for a step.
            return .gaveUp
        }
    }
}
