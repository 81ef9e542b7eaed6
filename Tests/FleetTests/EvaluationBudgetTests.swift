// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Synchronization
import Testing

@Suite struct EvaluationBudgetTests {
    /// How many were at work at the same time, at most.
    private final class Watch: Sendable {
        private let state = Mutex((now: 0, most: 0))

        var most: Int { state.withLock { $0.most } }

        func enter() {
            state.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
        }

        func leave() { state.withLock { $0.now -= 1 } }
    }

    /// Each is at work until as many are as are expected.
    private func mostAtOnce(_ budget: EvaluationBudget, expecting expected: Int) async throws -> Int
    {
        let watch = Watch()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<24 {
                group.addTask {
                    try await budget.withRoom {
                        watch.enter()
                        defer { watch.leave() }
                        try await wait(for: "\(expected) at once") { watch.most >= expected }
                    }
                }
            }
            try await group.waitForAll()
        }
        return watch.most
    }

    @Test(arguments: [
        (4_000_000_000, 8, 4), (4_000_000_000, 2, 2), (100_000_000, 8, 1), (0, 8, 1),
    ])
    func untilOneHasEndedItIsTakenForAGigabyte(
        _ memoryBytes: UInt64,
        _ cores: Int,
        _ most: Int
    ) async throws {
        let budget = EvaluationBudget(memoryBytes: memoryBytes, cores: cores) { nil }
        #expect(try await mostAtOnce(budget, expecting: most) == most)
    }

    @Test(arguments: [(300_000_000, 13), (2_500_000_000, 1), (10_000_000_000, 1)])
    func whatOneHasTakenIsWhatTheNextIsTakenFor(_ bytes: UInt64, _ most: Int) async throws {
        let budget = EvaluationBudget(memoryBytes: 4_000_000_000, cores: 64) { bytes }
        try await budget.withRoom {}
        #expect(try await mostAtOnce(budget, expecting: most) == most)
    }

    @Test func whoGivesUpMakesRoom() async throws {
        let budget = EvaluationBudget(memoryBytes: 0, cores: 1) { nil }
        let first = Task { try await budget.withRoom { try await Task.sleep(for: .seconds(3600)) } }
        let second = Task {
            try await budget.withRoom { try await Task.sleep(for: .seconds(3600)) }
        }
        first.cancel()
        second.cancel()
        _ = await (first.result, second.result)
        #expect(try await mostAtOnce(budget, expecting: 1) == 1)
    }
}
