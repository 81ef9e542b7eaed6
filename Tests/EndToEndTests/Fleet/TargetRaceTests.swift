// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import Testing

/// Somebody switches the machine by hand while a deploy has it; profile and system agree afterwards.
@Suite(.fewAtATime) struct TargetRaceTests {
    private struct CalledOff: Error {}

    /// As `nixos-rebuild switch` does it.
    private static let byHand = """
        set -e
        nix-env -p /nix/var/nix/profiles/system --set "$1"
        "$1/bin/switch-to-configuration" boot
        "$1/bin/switch-to-configuration" test
        """

    @Test(arguments: [true, false])
    func whatSomebodyElseSwitchesToMeanwhileIsLeftAlone(_ isConfirmed: Bool) async throws {
        try await withTarget { target in
            try await target.host.install(FakeSystem("samsung", version: "1"))
            let new = try await target.host.build(FakeSystem("samsung", version: "2"))
            let theirs = try await target.host.build(FakeSystem("samsung", version: "3"))
            var observer = target.observer()
            observer.beforeConfirming = {
                try await target.host.sh(Self.byHand, [theirs])
                if !isConfirmed { throw CalledOff() }
            }
            let outcome = try await target.deploy(try target.order(new), observer: observer)
            #expect(outcome.ending == .refused)
            #expect(outcome.reason == .superseded)
            #expect(outcome.running == target.path(theirs))
            try await target.expect(running: theirs, profile: theirs, boots: theirs)
            #expect(try await target.session.facts(asRoot: true).lease == nil)
        }
    }

    @Test func whatWasSwitchedToAfterASupervisorDiedIsLeftAlone() async throws {
        try await withTarget { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            let theirs = try await target.host.build(FakeSystem("samsung", version: "3"))
            var system = FakeSystem("samsung", version: "2")
            // The lock is still held here.
            system.after = """
                kill-supervisor
                nix-env -p /nix/var/nix/profiles/system --set \(theirs)
                \(theirs)/activate \(theirs)
                """
            let new = try await target.host.build(system)
            let outcome = try await target.deploy(new)
            #expect(outcome.ending == .refused)
            #expect(outcome.reason == .superseded)
            #expect(outcome.isSettled)
            try await target.expect(running: theirs, profile: theirs, boots: old)
        }
    }
}
