// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import NixFormat
import Testing

/// The target's side of a deploy, over real ssh, on machines that only seem to be NixOS.
@Suite(.fewAtATime) struct TargetSwitchTests {
    @Test func aHealthySwitchRunsBootsAndIsTheProfile() async throws {
        try await withTarget { target in
            let old = try await target.host.install(FakeSystem("samsung", version: "1"))
            let new = try await target.host.build(FakeSystem("samsung", version: "2"))
            let facts = try await target.session.facts(asRoot: true)
            #expect(facts.running == target.path(old))
            #expect(facts.profile == target.path(old))
            #expect(facts.booted == target.path(old))
            #expect(facts.generation == 1)
            #expect(facts.generations.map(\.path) == [target.path(old)])
            #expect(facts.isRoot)
            #expect(facts.nodeName == "samsung")
            #expect(facts.lease == nil)

            let outcome = try await target.deploy(new) { $0.lineage = "rev 1234" }
            #expect(outcome.ending == .done)
            #expect(outcome.reason == .asked)
            #expect(outcome.old == target.path(old))
            #expect(outcome.exitCode == 0)
            #expect(outcome.processorTime != nil)
            let systems = try await target.host.systems()
            #expect(systems == (new, new, new))

            let after = try await target.session.facts(asRoot: true)
            #expect(after.running == target.path(new))
            #expect(after.lineage == "rev 1234")
            #expect(after.lease == nil)
            #expect(after.unsettled.isEmpty)
            #expect(after.lastOutcome == outcome)
            let kinds = target.events.map(\.kind)
            #expect(kinds.contains(.confirmed))
            #expect(kinds.last == .ended(outcome))
        }
    }
}
