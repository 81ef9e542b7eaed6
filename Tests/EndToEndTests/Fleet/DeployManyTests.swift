// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import Testing

/// Several hosts at a time, some of which are away or unwell.
@Suite(.fewAtATime) struct DeployManyTests {
    @Test func aDeadHostAndOneThatFailsStopNoOther() async throws {
        var plans: [NamespaceHost.Plan] = (1...6).map { NamespaceHost.Plan("host\($0)") }
        plans[4].startsAsleep = true
        plans[5].hasSystemd = true
        try await withCommandFleet(plans) { machines in
            for plan in plans {
                var system = FakeSystem(plan.name, version: "2")
                if plan.name == "host6" { system.failingUnits = ["web.service"] }
                try machines.want(system, on: plan.name)
                guard !plan.startsAsleep else { continue }
                try await machines.fleet[plan.name].install(FakeSystem(plan.name, version: "1"))
            }
            let lines = plans.map { ($0.name, "tags = [\"all\"]") }
            try machines.configure(Dictionary(lines) { first, _ in first })
            let outcome = try await machines.firn([
                "deploy", "--on", "@all", "--parallel", "2", "--json",
            ])
            #expect(outcome.status == 3, "\(outcome.errors)")
            let reports = try machines.reports(outcome)
            for name in ["host1", "host2", "host3", "host4"] {
                #expect(reports[name]?.outcome == "done", "\(name): \(outcome.errors)")
                try await machines.expect(name, runs: reports[name]?.wanted ?? "")
            }
            #expect(reports["host5"]?.outcome == "unreachable")
            #expect(reports["host6"]?.outcome == "rolled-back")

            // Only those two are tried again.
            let again = try await machines.firn(["deploy", "--retry", "--json"])
            #expect(Set(try machines.reports(again).keys) == ["host5", "host6"])
        }
    }

    @Test func theOthersWaitForACanaryAndAreNotBegunWhenItFails() async throws {
        var plans: [NamespaceHost.Plan] = ["samsung", "razer"]
        plans[0].hasSystemd = true
        try await withCommandFleet(plans) { machines in
            var olds: [String: String] = [:]
            for name in ["samsung", "razer"] {
                olds[name] = try await machines.fleet[name].install(FakeSystem(name, version: "1"))
            }
            var bad = FakeSystem("samsung", version: "2")
            bad.failingUnits = ["web.service"]
            try machines.want(bad, on: "samsung")
            try machines.want(FakeSystem("razer", version: "2"), on: "razer")
            try machines.configure(["samsung": "", "razer": ""])
            let outcome = try await machines.firn([
                "deploy", "samsung", "razer", "--canary", "samsung", "--json",
            ])
            let reports = try machines.reports(outcome)
            #expect(outcome.status == 3)
            #expect(reports["samsung"]?.outcome == "rolled-back", "\(outcome.errors)")
            #expect(reports["razer"]?.outcome == "not-begun")
            for (name, old) in olds { try await machines.expect(name, runs: old) }
        }
    }

    @Test func aLaptopThatWasAwayGetsTheNewestOfWhatWasQueuedOnce() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            try await samsung.setCable(isIn: false)
            try machines.configure()
            for version in ["2", "3"] {
                try machines.want(FakeSystem("samsung", version: version), on: "samsung")
                let away = try await machines.firn([
                    "deploy", "samsung", "--offline", "queue", "--json",
                ])
                #expect(
                    try machines.reports(away)["samsung"]?.outcome == "queued",
                    "\(away.errors)"
                )
                #expect(away.status == 5, "\(away.text)\n\(away.errors)")
            }
            let still = try await machines.firn(["deploy", "--queued", "--json"])
            #expect(try machines.reports(still)["samsung"]?.outcome == "queued")

            try await samsung.setCable(isIn: true)
            let back = try await machines.firn(["deploy", "--queued", "--json"])
            #expect(back.status == 0, "\(back.errors)")
            let report = try #require(try machines.reports(back)["samsung"])
            #expect(report.wanted?.hasSuffix("samsung-3") == true)
            try await machines.expect("samsung", runs: try #require(report.wanted))
            let actions = try await samsung.actions()
            #expect(!actions.contains { $0.contains("samsung-2") }, "\(actions)")
            let nothing = try await machines.firn(["deploy", "--queued"])
            #expect(nothing.errors.contains("nothing is queued"))
        }
    }
}
