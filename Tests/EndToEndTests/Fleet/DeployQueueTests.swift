// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Testing

/// What is queued is only delivered while nobody has said anything newer.
@Suite(.fewAtATime) struct DeployQueueTests {
    /// A deploy that finds the host as it is to be, and a way back, are newer words than the queue's.
    @Test(arguments: [["deploy", "samsung"], ["rollback", "samsung"]])
    func whatIsDoneByHandTakesThePlaceOfWhatWasQueued(_ words: [String]) async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            var installed: [String] = []
            for version in ["1", "2"] {
                installed.append(
                    try await samsung.install(FakeSystem("samsung", version: version))
                )
            }
            try machines.configure()
            try await samsung.setCable(isIn: false)
            try machines.want(FakeSystem("samsung", version: "3"), on: "samsung")
            let away = try await machines.firn(["deploy", "samsung", "--offline", "queue"])
            #expect(away.status == 5, "\(away.text)\n\(away.errors)")
            try await samsung.setCable(isIn: true)
            try await machines.reach("samsung")

            // Nothing that only looks takes anything away.
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            let look = try await machines.firn(["deploy", "samsung", "--dry-run"])
            #expect(look.status == 0, "\(look.errors)")
            #expect(try await machines.firn(["hosts", "samsung"]).text.contains("queued"))

            let byHand = try await machines.firn(words)
            #expect(byHand.status == 0, "\(byHand.text)\n\(byHand.errors)")
            let goal = installed[words[0] == "rollback" ? 0 : 1]
            try await machines.expect("samsung", runs: goal)
            let nothing = try await machines.firn(["deploy", "--queued"])
            #expect(nothing.errors.contains("nothing is queued"), "\(nothing.text)")
            try await machines.expect("samsung", runs: goal)
        }
    }
}
