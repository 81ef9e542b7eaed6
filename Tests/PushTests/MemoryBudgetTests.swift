// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Synchronization
import Testing

@testable import Push

@Suite struct MemoryBudgetTests {
    private final class Use: Sendable {
        private let state = Mutex((now: 0, most: 0))

        var most: Int { state.withLock { $0.most } }

        func add(_ bytes: Int) {
            state.withLock { state in
                state.now += bytes
                state.most = max(state.most, state.now)
            }
        }
    }

    @Test func noMoreIsTakenThanThereIs() async throws {
        let budget = MemoryBudget(totalBytes: 100)
        let use = Use()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let bytes = 1 + number * 7 % 100
                    try await budget.take(bytes)
                    use.add(bytes)
                    await Task.yield()
                    use.add(-bytes)
                    budget.giveBack(bytes)
                }
            }
            try await group.waitForAll()
        }
        #expect(use.most <= 100)
        // All of it is free again.
        try await budget.take(100)
    }

    @Test func whoIsCancelledTakesNothingAndBlocksNobody() async throws {
        let budget = MemoryBudget(totalBytes: 10)
        try await budget.take(8)
        let large = Task { try await budget.take(10) }
        try await Task.sleep(for: .milliseconds(20))
        let small = Task { try await budget.take(2) }
        try await Task.sleep(for: .milliseconds(20))
        large.cancel()
        await #expect(throws: CancellationError.self) { try await large.value }
        try await small.value
        budget.giveBack(10)
        try await budget.take(10)
    }
}
