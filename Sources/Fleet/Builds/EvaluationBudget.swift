// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Lets as many evaluations run at a time as have room in memory.
///
/// What one takes is learnt from those that have ended; until then it is taken for what a host of
/// nixpkgs takes. One may always run, however large.
package actor EvaluationBudget {
    /// - Source: measured on configurations of NixOS; issue 8621 of Nix tells the same.
    private static let usualBytes: UInt64 = 1_000_000_000

    private let memoryBytes: UInt64
    private let cores: Int
    private let largestBytes: @Sendable () -> UInt64?
    private var running = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var eachBytes = EvaluationBudget.usualBytes

    /// `memoryBytes` is for all of them together; `largestBytes` tells the most that one has taken so far.
    package init(
        memoryBytes: UInt64,
        cores: Int = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
        largestBytes: @escaping @Sendable () -> UInt64? = EvaluationBudget.largestChildBytes
    ) {
        self.memoryBytes = memoryBytes
        self.cores = cores
        self.largestBytes = largestBytes
    }

    /// Runs the body once there is room for it.
    package func withRoom<Value: Sendable>(
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        await enter()
        defer { leave() }
        try Task.checkCancellation()
        return try await body()
    }

    private var limit: Int {
        max(1, min(Int(clamping: memoryBytes / max(1, eachBytes)), cores))
    }

    private func enter() async {
        while running >= limit {
            await withCheckedContinuation { waiting.append($0) }
        }
        running += 1
    }

    private func leave() {
        running -= 1
        if let largest = largestBytes() { eachBytes = max(largest, 64 << 20) }
        let all = waiting
        waiting = []
        for continuation in all { continuation.resume() }
    }

    /// The most that any child of this process had in memory at once.
    package static func largestChildBytes() -> UInt64? {
        var usage = rusage()
        guard unsafe getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage) == 0,
            usage.ru_maxrss > 0
        else { return nil }
        return UInt64(usage.ru_maxrss) * 1_024
    }
}
