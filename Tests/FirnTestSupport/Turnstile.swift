// SPDX-License-Identifier: Apache-2.0

/// Lets a fixed number of tasks through at a time.
package actor Turnstile {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    package init(width: Int) {
        free = width
    }

    /// Runs the body once it is this task's turn.
    package nonisolated func pass(
        _ body: @Sendable () async throws -> Void
    ) async throws {
        await enter()
        do {
            try await body()
        } catch {
            await leave()
            throw error
        }
        await leave()
    }

    private func enter() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func leave() {
        guard waiting.isEmpty else { return waiting.removeFirst().resume() }
        free += 1
    }
}
