// SPDX-License-Identifier: Apache-2.0

/// Lets no more than so many work at the same time; who comes first goes first.
package actor Slots {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// The most that have worked at the same time so far.
    package private(set) var mostAtOnce = 0
    private var working = 0

    package init(_ count: Int) {
        precondition(count > 0, "nobody could ever work")
        free = count
    }

    package func use<Value: Sendable>(
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        await take()
        defer { giveBack() }
        try Task.checkCancellation()
        return try await body()
    }

    private func take() async {
        if free > 0 {
            free -= 1
        } else {
            // Whoever gives a slot back hands it over.
            await withCheckedContinuation { waiting.append($0) }
        }
        working += 1
        mostAtOnce = max(mostAtOnce, working)
    }

    private func giveBack() {
        working -= 1
        guard !waiting.isEmpty else {
            free += 1
            return
        }
        waiting.removeFirst().resume()
    }
}

/// Keeps hosts back until the first one has shown that all is well.
actor CanaryGate {
    private var verdict: String??
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Returns: Why nobody may pass; `nil` when all may.
    func wait() async -> String? {
        while verdict == nil { await withCheckedContinuation { waiting.append($0) } }
        return verdict ?? nil
    }

    func open(unless reason: String?) {
        guard verdict == nil else { return }
        verdict = .some(reason)
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}
