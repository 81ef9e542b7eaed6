// SPDX-License-Identifier: Apache-2.0

/// Whether the NARs of a tier are brought as deltas.
package enum DeltaMode: String, CaseIterable, Sendable {
    /// Where that is faster, by what was measured.
    case auto
    /// Wherever there is something to make one of.
    case always
    case never
}

/// Decides whether a delta is faster than the ordinary form.
package struct DeltaPolicy: Sendable {
    /// What a NAR costs in either form.
    package struct Case: Sendable {
        /// Of the ordinary form.
        package var fileBytes: UInt64
        package var narBytes: UInt64
        /// Whether the base is of the same version, and so differs by little.
        package var isRebuild: Bool
        /// Of the link; `nil` when it was not measured.
        package var linkBytesPerSecond: Double?
        /// To an answer of the tier, when known.
        package var latency: Duration?
        /// Of NARs that were made of deltas, all that it takes included; `nil` when not measured.
        package var deltaBytesPerSecond: Double?
        package var isOnBattery: Bool

        package init(
            fileBytes: UInt64,
            narBytes: UInt64,
            isRebuild: Bool,
            linkBytesPerSecond: Double?,
            latency: Duration?,
            deltaBytesPerSecond: Double?,
            isOnBattery: Bool
        ) {
            self.fileBytes = fileBytes
            self.narBytes = narBytes
            self.isRebuild = isRebuild
            self.linkBytesPerSecond = linkBytesPerSecond
            self.latency = latency
            self.deltaBytesPerSecond = deltaBytesPerSecond
            self.isOnBattery = isOnBattery
        }
    }

    package enum Verdict: Equatable, Sendable {
        case delta
        case ordinary(String)
        /// Nobody knows yet: this one is to find out how fast the link is.
        case measure
    }

    /// A round trip shorter than this is one on the own network.
    private static let nearLatency = Duration.milliseconds(2)
    /// What is sent to find out how fast a far link is, at most: half a second at 10 Mbit/s.
    package static let measuredBytes: UInt64 = 512 << 10
    /// Before anything was measured: what a slow core makes a second, and what is left of a file.
    private static let usualDeltaBytesPerSecond = 60e6
    private static let usualShares = (rebuild: 0.02, upgrade: 0.6)
    /// So much quicker it has to be, since neither time is known exactly.
    private static let margin = 0.9
    /// Time of a processor is charge.
    private static let batteryFactor = 1.5

    package static func decide(_ facts: Case) -> Verdict {
        guard let link = facts.linkBytesPerSecond, link > 0 else {
            if let latency = facts.latency, latency < nearLatency {
                return .ordinary("the link is near, and has not been measured yet")
            }
            return facts.fileBytes <= measuredBytes ? .measure : .delta
        }
        let ordinary = Double(facts.fileBytes) / link
        var delta: Double
        if let rate = facts.deltaBytesPerSecond, rate > 0 {
            delta = Double(facts.narBytes) / rate
        } else {
            let share = facts.isRebuild ? usualShares.rebuild : usualShares.upgrade
            delta = Double(facts.narBytes) / usualDeltaBytesPerSecond + ordinary * share
        }
        if facts.isOnBattery { delta *= batteryFactor }
        guard delta > ordinary * margin else { return .delta }
        let battery = facts.isOnBattery ? ", on battery" : ""
        let speed = Int((link * 8 / 1e6).rounded())
        return .ordinary("at \(speed) Mbit/s a delta would not be faster\(battery)")
    }
}
