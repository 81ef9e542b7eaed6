// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How many there are of something.
final class Gauge: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    /// One of them, until it is let go.
    final class Share: Sendable {
        private let gauge: Gauge

        init(of gauge: Gauge) {
            self.gauge = gauge
            gauge.count.add(1, ordering: .relaxed)
        }

        deinit { gauge.count.subtract(1, ordering: .relaxed) }
    }
}
