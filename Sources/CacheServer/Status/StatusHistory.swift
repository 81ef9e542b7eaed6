// SPDX-License-Identifier: Apache-2.0
package import CacheService
package import Foundation
import ServiceLifecycle
import Synchronization

/// How the tiers were lately, in memory: a moment every ten seconds, for an hour.
package final class StatusHistory: Sendable {
    package struct Moment: Sendable {
        package var time: Date
        /// By tier; a tier that was not asked, or did not answer, is not there.
        package var latencies: [String: Duration]
        /// Names of those that were asked.
        package var up: Set<String>

        package init(time: Date, latencies: [String: Duration], up: Set<String>) {
            self.time = time
            self.latencies = latencies
            self.up = up
        }
    }

    package static let interval = Duration.seconds(10)
    private static let mostMoments = 360
    private static let mostWatchers = 64

    private struct State {
        var moments: [Moment] = []
        var watchers = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// The oldest first.
    package var moments: [Moment] { state.withLock { $0.moments } }

    package func note(_ moment: Moment) {
        state.withLock { state in
            if state.moments.count >= Self.mostMoments { state.moments.removeFirst() }
            state.moments.append(moment)
        }
    }

    /// Counts somebody in who wants to be told of changes.
    ///
    /// - Returns: Whether there is room; if so, ``stopWatching()`` has to follow.
    func startWatching() -> Bool {
        state.withLock { state in
            guard state.watchers < Self.mostWatchers else { return false }
            state.watchers += 1
            return true
        }
    }

    func stopWatching() { state.withLock { $0.watchers -= 1 } }
}

/// Keeps a history of the tiers for as long as the server runs.
package struct StatusSampler: Service {
    private let history: StatusHistory
    private let cache: TieredCache

    package init(_ history: StatusHistory, of cache: TieredCache) {
        self.history = history
        self.cache = cache
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let tiers = cache.tierStatus()
                history.note(
                    StatusHistory.Moment(
                        time: Date(),
                        latencies: Dictionary(
                            tiers.compactMap { tier in
                                tier.state == "up" ? tier.latency.map { (tier.name, $0) } : nil
                            },
                            uniquingKeysWith: { first, _ in first }
                        ),
                        up: Set(tiers.filter { $0.state == "up" }.map(\.name))
                    )
                )
                try? await Task.sleep(for: StatusHistory.interval)
            }
        }
    }
}
