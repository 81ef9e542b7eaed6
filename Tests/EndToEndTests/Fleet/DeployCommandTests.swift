// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Testing

/// The real command, the real ssh and Nix, a real Firn, and machines made of namespaces.
@Suite(.fewAtATime) struct DeployCommandTests {
    @Test func aHostPullsFromItsBuilderAndTheDeployerCarriesNext() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.payloadKiB = 20_000
            try machines.want(system, on: "samsung")
            try machines.configure()
            let before = try await machines.desk.networkBytes()
            let outcome = try await machines.firn(["deploy", "samsung"])
            print(outcome.text, outcome.errors)
            #expect(outcome.status == 0)
            let after = try await machines.desk.networkBytes()
            let carried = after.sent + after.received - before.sent - before.received
            print("CARRIED", carried)
            let report = try #require(try machines.reports(outcome)["samsung"])
            let systems = try await samsung.systems()
            #expect(systems.running == report.wanted)
            #expect(systems.profile == report.wanted)
            #expect(systems.boots == report.wanted)
        }
    }
}
