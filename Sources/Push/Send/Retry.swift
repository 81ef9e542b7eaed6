// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How long a request that fails for a time is made again.
package struct RetryPolicy: Hashable, Sendable {
    /// How much waiting of its own choice a request gets before it has failed.
    package var patience: Duration = .seconds(90)
    package var firstPause: Duration = .milliseconds(500)
    package var longestPause: Duration = .seconds(15)
    /// The longest that a cache may ask to be left alone at once.
    package var longestServerPause: Duration = .seconds(120)
    package var mostTries = 12

    package init() {}
}

/// Makes requests again; one for all of a push, so that all of it is quiet when the cache asks for it.
final class Retry: Sendable {
    /// What waits and draws lots; a test brings its own.
    struct Surroundings: Sendable {
        var now: @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
        var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
        /// From 0 to 1.
        var lot: @Sendable () -> Double = { Double.random(in: 0...1) }
    }

    let policy: RetryPolicy
    private let surroundings: Surroundings
    private let onPause: @Sendable (String, Duration) -> Void
    /// Nothing is sent before.
    private let quietUntil: Mutex<ContinuousClock.Instant?> = Mutex(nil)

    init(
        _ policy: RetryPolicy,
        _ surroundings: Surroundings = Surroundings(),
        onPause: @escaping @Sendable (String, Duration) -> Void = { _, _ in }
    ) {
        self.policy = policy
        self.surroundings = surroundings
        self.onPause = onPause
    }

    /// - Throws: What `request` threw last.
    func run<Value: Sendable>(
        _ request: @Sendable () async throws -> Value
    ) async throws -> Value {
        var waited = Duration.zero
        var tries = 0
        while true {
            try await keepQuiet()
            do {
                return try await request()
            } catch let error as PushTargetError where error.isTransient {
                // What ended because all of it ends is no trouble of the cache's.
                try Task.checkCancellation()
                tries += 1
                let pause = pause(after: tries)
                waited += pause
                let asked = askedPause(error)
                // Others heed it too, whether or not this one goes on.
                if let asked { beQuiet(asked) }
                guard tries < policy.mostTries, waited <= policy.patience else { throw error }
                let whole = (asked ?? .zero) + pause
                onPause(error.description, whole)
                try await surroundings.sleep(whole)
            }
        }
    }

    /// Half of it fixed, half by lot, so that many who failed at once do not come back at once.
    func pause(after tries: Int) -> Duration {
        var pause = policy.firstPause
        for _ in 1..<max(tries, 1) where pause < policy.longestPause { pause *= 2 }
        return min(pause, policy.longestPause) * (0.5 + surroundings.lot() / 2)
    }

    func sleep(_ pause: Duration) async throws { try await surroundings.sleep(pause) }

    private func askedPause(_ error: PushTargetError) -> Duration? {
        guard case .busy(_, let retryAfter?) = error else { return nil }
        return min(retryAfter, policy.longestServerPause)
    }

    private func beQuiet(_ pause: Duration) {
        let end = surroundings.now() + pause
        quietUntil.withLock { $0 = max($0 ?? end, end) }
    }

    private func keepQuiet() async throws {
        guard let end = quietUntil.withLock({ $0 }) else { return }
        let left = end - surroundings.now()
        if left > .zero { try await surroundings.sleep(left) }
    }
}
