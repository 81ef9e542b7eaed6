// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import Testing

/// Several hosts at a time, some of which are away or unwell.
@Suite(.fewAtATime) struct DeployManyTests {
    /// Of 20 hosts; what happens on them is written down by themselves.
    @Test func aDeadHostAndOneThatFailsStopNoOther() async throws {
        let names = (1...20).map { "host\($0)" }
        var plans = names.map { NamespaceHost.Plan($0) }
        plans[4].startsAsleep = true
        plans[5].hasSystemd = true
        try await withCommandFleet(plans) { machines in
            let crowd = try await Crowd(machines, plans.filter { !$0.startsAsleep }.map(\.name))
            for name in names { try machines.want(crowd.wanted, on: name) }
            var failing = crowd.wanted
            failing.failingUnits = ["web.service"]
            try machines.want(failing, on: "host6")
            let lines = names.map { ($0, "tags = [\"all\"]") }
            try machines.configure(
                Dictionary(lines) { first, _ in first },
                deploy: "evaluation-memory = \"100MB\""
            )
            let words = ["deploy", "--on", "@all", "--parallel", "4", "--json"]
            let outcome = try await machines.firn(words, within: .seconds(600))
            #expect(outcome.status == 3, "\(outcome.errors)")
            let reports = try machines.reports(outcome)
            #expect(reports.count == 20)
            for (name, report) in reports where !["host5", "host6"].contains(name) {
                #expect(report.outcome == "done", "\(name): \(report.reason ?? "")")
                try await machines.expect(name, runs: report.wanted ?? "")
            }
            #expect(reports["host5"]?.outcome == "unreachable")
            #expect(reports["host6"]?.outcome == "rolled-back")
            try await machines.expect("host6", runs: crowd.installed)
            #expect((1...4).contains(try crowd.mostAtOnce("switching")))
            // Each of them may take more than all are allowed to.
            #expect(try crowd.mostAtOnce("evaluating") == 1)

            // Only those two are tried again.
            let again = try await machines.firn(["deploy", "--retry", "--json"])
            #expect(Set(try machines.reports(again).keys) == ["host5", "host6"])
            #expect(again.status == 3)
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
            try await machines.reach("samsung")
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

/// Many machines with the same system, which write down what goes on at the same time.
private struct Crowd {
    /// What all of them run to begin with.
    let installed: String
    let wanted: FakeSystem
    private let directory: TemporaryDirectory

    /// Each thing that happens is a file while it does, and a line with how many there are in another.
    init(_ machines: CommandFleet, _ names: [String]) async throws {
        directory = machines.fleet.directory
        for thing in ["switching", "evaluating"] { try directory.makeDirectory(thing) }
        let switching = directory.path("switching")
        var system = FakeSystem("any", version: "2")
        system.before = """
            : >"\(switching)/$(uname -n)"
            ls "\(switching)" | wc -l >>"\(switching).log"
            sleep 2
            """
        system.after = "rm -f \"\(switching)/$(uname -n)\""
        wanted = system
        // Built once, and copied: twenty machines take long enough.
        let first = try await machines.builder.build(FakeSystem("any", version: "1"))
        installed = first
        let archive = directory.path("first")
        try await machines.builder.sh(
            "nix-store --export $(nix-store -qR \"$1\") >\"$2\"",
            [first, archive]
        )
        for name in names {
            try await machines.fleet[name].sh("nix-store --import <\"$1\"", [archive])
            try await machines.fleet[name].install(first)
        }
        try watchNix(of: machines.desk)
    }

    private func watchNix(of desk: NamespaceHost) throws {
        let evaluating = directory.path("evaluating")
        try directory.write(
            """
            #!/bin/sh
            PATH=/usr/local/bin:/usr/bin:/bin
            case " $* " in
            *" eval "*) ;;
            *) exec nix "$@" ;;
            esac
            : >"\(evaluating)/$$"
            ls "\(evaluating)" | wc -l >>"\(evaluating).log"
            nix "$@"
            code=$?
            rm "\(evaluating)/$$"
            exit "$code"

            """,
            to: "\(desk.name)/bin/nix",
            mode: 0o755
        )
    }

    func mostAtOnce(_ thing: String) throws -> Int {
        let log = try String(contentsOfFile: directory.path("\(thing).log"), encoding: .utf8)
        return log.split(separator: "\n").compactMap { Int($0) }.max() ?? 0
    }
}
