// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import Push

@Suite struct RetryTests {
    /// What waited, and how long, in place of a clock.
    private final class Waits: Sendable {
        let pauses = Mutex<[Duration]>([])
        private let time = Mutex(ContinuousClock.now)

        func surroundings(lot: Double) -> Retry.Surroundings {
            Retry.Surroundings(
                now: { self.time.withLock { $0 } },
                sleep: { pause in
                    self.pauses.withLock { $0.append(pause) }
                    self.time.withLock { $0 += pause }
                },
                lot: { lot }
            )
        }
    }

    private static let down = PushTargetError.unreachable(reason: "down")

    @Test func pausesGrowUntilPatienceEnds() async throws {
        let waits = Waits()
        let retry = Retry(RetryPolicy(), waits.surroundings(lot: 1))
        await #expect(throws: Self.down) { try await retry.run { throw Self.down } }
        let pauses = waits.pauses.withLock { $0 }
        let expected: [Duration] = [0.5, 1, 2, 4, 8, 15].map { .seconds($0) }
        #expect(Array(pauses.prefix(6)) == expected)
        #expect(pauses.reduce(.zero, +) <= .seconds(90))
        #expect(pauses.allSatisfy { $0 <= .seconds(15) })
    }

    @Test func halfOfAPauseIsDrawnByLot() async throws {
        let waits = Waits()
        let retry = Retry(RetryPolicy(), waits.surroundings(lot: 0))
        await #expect(throws: Self.down) { try await retry.run { throw Self.down } }
        #expect(waits.pauses.withLock { $0 }.first == .seconds(0.25))
    }

    @Test func whatWillNeverWorkIsTriedOnce() async throws {
        for error in [PushTargetError.rejected(reason: "x"), .refused(reason: "x")] {
            let waits = Waits()
            let tries = Mutex(0)
            let retry = Retry(RetryPolicy(), waits.surroundings(lot: 1))
            await #expect(throws: error) {
                try await retry.run {
                    tries.withLock { $0 += 1 }
                    throw error
                }
            }
            #expect(tries.withLock { $0 } == 1)
            #expect(waits.pauses.withLock { $0 }.isEmpty)
        }
    }

    @Test func aPauseThatWasAskedForIsTheLeastButNeverEndless() async throws {
        for (asked, least) in [(30, 30), (4_000, 120)] {
            let waits = Waits()
            let retry = Retry(RetryPolicy(), waits.surroundings(lot: 1))
            let tries = Mutex(0)
            try await retry.run {
                let isFirst = tries.withLock { tries in
                    tries += 1
                    return tries == 1
                }
                guard isFirst else { return }
                throw PushTargetError.busy(reason: "busy", retryAfter: .seconds(asked))
            }
            #expect(waits.pauses.withLock { $0 } == [.seconds(Double(least) + 0.5)])
        }
    }

    @Test func othersAreQuietTooWhenTheCacheAsksForIt() async throws {
        let waits = Waits()
        var policy = RetryPolicy()
        policy.patience = .zero
        let impatient = Retry(policy, waits.surroundings(lot: 1))
        // Without patience the first failure is the last; nobody waits for it.
        let busy = PushTargetError.busy(reason: "busy", retryAfter: .seconds(60))
        await #expect(throws: busy) { try await impatient.run { throw busy } }
        #expect(waits.pauses.withLock { $0 }.isEmpty)
        // The next request leaves the cache alone as it asked.
        try await impatient.run {}
        #expect(waits.pauses.withLock { $0 } == [.seconds(60)])
        try await impatient.run {}
        #expect(waits.pauses.withLock { $0 }.count == 1)
    }
}
