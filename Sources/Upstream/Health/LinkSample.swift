// SPDX-License-Identifier: Apache-2.0

/// The beginning of a file as it arrived, to tell how fast a link is.
///
/// The fastest stretch counts: a connection is slow at first wherever it leads, and who takes a link
/// for faster than it is soon measures it with real files, while who takes it for slower never does.
package struct LinkSample: Sendable {
    /// On a fast link this much is enough.
    package static let maximumBytes = 1 << 20
    /// On a slow one this long is.
    package static let maximumTime = Duration.milliseconds(120)
    /// Shorter stretches tell of the buffers on the way.
    private static let leastStretch = Duration.milliseconds(20)
    /// What has come sooner than in one stretch has to be so much.
    private static let leastBytesAtOnce = 256 << 10
    private static let leastBytes = 16 << 10

    private var arrivals: [(at: ContinuousClock.Instant, totalBytes: Int)] = []

    package init() {}

    package var isFull: Bool { (arrivals.last?.totalBytes ?? 0) >= Self.maximumBytes }

    package mutating func note(_ bytes: Int, at moment: ContinuousClock.Instant) {
        arrivals.append((moment, (arrivals.last?.totalBytes ?? 0) + bytes))
    }

    /// `nil` when too little has come to tell.
    ///
    /// What comes first has waited for the question's answer, and says nothing.
    package var bytesPerSecond: Double? {
        guard let first = arrivals.first, let last = arrivals.last else { return nil }
        let bytes = last.totalBytes - first.totalBytes
        let time = first.at.duration(to: last.at)
        guard bytes >= Self.leastBytes else { return nil }
        guard time >= Self.leastStretch else {
            guard bytes >= Self.leastBytesAtOnce else { return nil }
            return Double(bytes) / (max(time, .milliseconds(1)) / .seconds(1))
        }
        var fastest = 0.0
        var start = 0
        for arrival in arrivals {
            while arrivals[start + 1].at.duration(to: arrival.at) >= Self.leastStretch {
                start += 1
            }
            let stretch = arrivals[start].at.duration(to: arrival.at)
            guard stretch >= Self.leastStretch else { continue }
            let bytes = arrival.totalBytes - arrivals[start].totalBytes
            fastest = max(fastest, Double(bytes) / (stretch / .seconds(1)))
        }
        return fastest
    }
}
