// SPDX-License-Identifier: Apache-2.0

/// Whether the NARs of a tier are brought as deltas.
package enum DeltaMode: String, CaseIterable, Sendable {
    /// Where that is faster, by what was measured.
    case auto
    /// Wherever there is something to make one of.
    case always
    case never
}

/// What deltas of one kind have cost lately; `nil` is what was not measured.
package struct DeltaCost: Hashable, Sendable {
    /// What came, of what would have come in the ordinary form.
    package var share: Double?
    /// Bytes of NARs that the tier has made deltas of, in a second.
    package var makingBytesPerSecond: Double?
    /// Bytes of NARs that were made of deltas here, in a second.
    package var applyingBytesPerSecond: Double?

    package init(
        share: Double? = nil,
        makingBytesPerSecond: Double? = nil,
        applyingBytesPerSecond: Double? = nil
    ) {
        self.share = share
        self.makingBytesPerSecond = makingBytesPerSecond
        self.applyingBytesPerSecond = applyingBytesPerSecond
    }
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
        /// What a NAR of this size waits for besides when it is asked for by itself, where its delta would
        /// come together with others'.
        package var wait: Duration
        /// What deltas of this kind have cost.
        package var cost: DeltaCost
        package var isOnBattery: Bool

        package init(
            fileBytes: UInt64,
            narBytes: UInt64,
            isRebuild: Bool,
            linkBytesPerSecond: Double?,
            latency: Duration?,
            wait: Duration = .zero,
            cost: DeltaCost,
            isOnBattery: Bool
        ) {
            self.fileBytes = fileBytes
            self.narBytes = narBytes
            self.isRebuild = isRebuild
            self.linkBytesPerSecond = linkBytesPerSecond
            self.latency = latency
            self.wait = wait
            self.cost = cost
            self.isOnBattery = isOnBattery
        }
    }

    package enum Verdict: Equatable, Sendable {
        case delta
        case ordinary(String)
        /// Nobody knows how fast the link is.
        case unmeasured
    }

    /// A round trip shorter than this is one on the own network.
    private static let nearLatency = Duration.milliseconds(2)
    /// Before anything was measured: what is left of a file, and what slow cores make in a second.
    private static let usualShares = (rebuild: 0.02, upgrade: 0.6)
    private static let usualMaking = (rebuild: 150e6, upgrade: 150e6 / upgradeEffort)
    private static let usualApplying = 200e6
    /// So many times as long a delta takes to another version as to a rebuild of the same size.
    ///
    /// - Source: `make bench-delta`, where a builder's core makes 220 MB of NARs a second, and 25.
    package static let upgradeEffort = 6.0
    /// So much quicker it has to be, since neither time is known exactly.
    private static let margin = 0.9
    /// Time of a processor is charge.
    private static let batteryFactor = 1.5

    package static func decide(_ facts: Case) -> Verdict {
        guard let link = facts.linkBytesPerSecond, link > 0 else {
            if let latency = facts.latency, latency < nearLatency {
                return .ordinary("the link is near, and has not been measured yet")
            }
            return .unmeasured
        }
        let travel = Double(facts.fileBytes) / link
        let ordinary = travel + facts.wait / .seconds(1)
        let usualShare = facts.isRebuild ? usualShares.rebuild : usualShares.upgrade
        let coming = travel * (facts.cost.share ?? usualShare)
        let usualMaking = facts.isRebuild ? usualMaking.rebuild : usualMaking.upgrade
        let making = Double(facts.narBytes) / (facts.cost.makingBytesPerSecond ?? usualMaking)
        let applying = Double(facts.narBytes) / (facts.cost.applyingBytesPerSecond ?? usualApplying)
        // One delta is made while another one travels.
        var delta = max(coming, making) + applying
        if facts.isOnBattery { delta *= batteryFactor }
        guard delta > ordinary * margin else { return .delta }
        let battery = facts.isOnBattery ? ", on battery" : ""
        let speed = Int((link * 8 / 1e6).rounded())
        return .ordinary("at \(speed) Mbit/s a delta would not be faster\(battery)")
    }
}
