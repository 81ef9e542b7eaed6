// SPDX-License-Identifier: Apache-2.0

/// Smoothed latency and its mean deviation.
///
/// - Source: RFC 6298, section 2, with its gains of 1/8 and 1/4.
package struct LatencyEstimate: Sendable, Hashable {
    /// Smoothed; `nil` before the first sample.
    package private(set) var latency: Duration?
    private var deviation: Duration = .zero

    package init() {}

    /// The slowest of the usual answers: four deviations above the smoothed latency.
    package var slowLatency: Duration? { latency.map { $0 + deviation * 4 } }

    package mutating func note(_ sample: Duration) {
        guard let latency else {
            self.latency = sample
            deviation = sample / 2
            return
        }
        let distance = sample > latency ? sample - latency : latency - sample
        deviation = deviation * 3 / 4 + distance / 4
        self.latency = latency * 7 / 8 + sample / 8
    }
}
