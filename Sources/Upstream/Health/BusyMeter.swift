// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How much gets done in the time in which somebody is at it, however many are at it at once.
///
/// Told of the waiting for a network, it gives the speed of the network: a slow reader does not make
/// it slow. What was measured long ago is forgotten.
package final class BusyMeter: Sendable {
    private struct State {
        var running = 0
        var since = ContinuousClock.now
        /// Of the sample that is being taken.
        var busy = Duration.zero
        var amount = 0.0
        var rate: Double?
        var measuredAt = ContinuousClock.now

        mutating func learn(_ sample: Double, at now: ContinuousClock.Instant) {
            let isOld = measuredAt + BusyMeter.lifetime <= now
            rate = rate.flatMap { isOld ? nil : $0 / 2 + sample / 2 } ?? sample
            measuredAt = now
        }
    }

    private static let leastTime = Duration.milliseconds(2)
    private static let lifetime = Duration.seconds(120)

    private let sampleTime: Duration
    private let sampleBytes: Double
    private let state = Mutex(State())

    /// A sample is over after so much time, or so many bytes that have not all come at once.
    package init(
        sampleTime: Duration = .milliseconds(250),
        sampleBytes: Double = 256e3
    ) {
        self.sampleTime = sampleTime
        self.sampleBytes = sampleBytes
    }

    /// Bytes a second; `nil` when nothing was measured lately.
    package var bytesPerSecond: Double? {
        state.withLock { state in
            state.measuredAt + Self.lifetime > .now ? state.rate : nil
        }
    }

    /// Somebody begins.
    package func begin() {
        state.withLock { state in
            if state.running == 0 { state.since = .now }
            state.running += 1
        }
    }

    /// The same one ends, and has done so much.
    package func end(bytes: UInt64) {
        let now = ContinuousClock.now
        state.withLock { state in
            state.running -= 1
            state.busy += state.since.duration(to: now)
            state.since = now
            state.amount += Double(bytes)
            let isEnough = state.amount >= sampleBytes && state.busy >= Self.leastTime
            guard state.busy >= sampleTime || isEnough else { return }
            state.learn(state.amount / (state.busy / .seconds(1)), at: now)
            (state.busy, state.amount) = (.zero, 0)
        }
    }

    /// Somebody has measured it in another way.
    package func learn(bytesPerSecond rate: Double) {
        state.withLock { $0.learn(rate, at: .now) }
    }

    /// One that is at it, from its making until it ends or is let go.
    package final class Turn: Sendable {
        private let meter: BusyMeter
        private let hasEnded = Atomic(false)

        package init(of meter: BusyMeter) {
            self.meter = meter
            meter.begin()
        }

        deinit { end(bytes: 0) }

        /// What is told the first time counts.
        package func end(bytes: UInt64) {
            guard !hasEnded.exchange(true, ordering: .relaxed) else { return }
            meter.end(bytes: bytes)
        }
    }

    package func forget() {
        state.withLock { state in
            state.rate = nil
            (state.busy, state.amount) = (.zero, 0)
            state.since = .now
        }
    }
}
