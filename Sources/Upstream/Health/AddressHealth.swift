// SPDX-License-Identifier: Apache-2.0

/// The circuit of one address of a tier.
package struct AddressHealth: Sendable {
    package enum Circuit: Sendable, Hashable {
        /// Nothing is known; questions go through.
        case unknown
        /// It answers.
        case closed
        /// It does not; only probes go through.
        case open
        /// A probe is under way that decides.
        case halfOpen
    }

    package private(set) var circuit = Circuit.unknown
    package private(set) var lastFailure: UpstreamFailure?
    /// Of probes, which ask every address the same.
    package private(set) var latency = LatencyEstimate()
    private(set) var nextProbe: Instant
    /// When the probe that is under way was sent: an older one has nothing to say.
    private var probe: Instant?
    private var failuresInRow = 0
    private var lastFailureAt: Instant?
    /// Questions from before this moment say nothing about now.
    private var since: Instant

    init(at now: Instant) {
        nextProbe = now
        since = now
    }

    /// Whether questions may go there.
    var isUsable: Bool { circuit == .closed || circuit == .unknown }

    mutating func noteAnswer(startedAt: Instant, at now: Instant, _ rules: HealthConfiguration) {
        // An answer that was under way when the circuit opened: the probe decides all the same.
        guard isUsable, startedAt >= since else { return }
        failuresInRow = 0
        circuit = .closed
        nextProbe = now + rules.idleProbeInterval
    }

    mutating func noteFailure(
        _ failure: UpstreamFailure,
        startedAt: Instant,
        at now: Instant,
        _ rules: HealthConfiguration
    ) {
        guard isUsable, startedAt >= since else { return }
        lastFailure = failure
        lastFailureAt = now
        failuresInRow += 1
        if failuresInRow >= rules.failuresToOpen {
            open(at: now)
        } else {
            nextProbe = min(nextProbe, now + rules.doubtProbeInterval)
        }
    }

    /// - Returns: Whether a probe is to be sent now.
    mutating func startProbe(at now: Instant) -> Bool {
        guard probe == nil, nextProbe <= now else { return false }
        probe = now
        if circuit == .open { circuit = .halfOpen }
        return true
    }

    /// The result is what the probe took, or why it failed.
    mutating func noteProbe(
        _ result: Result<Duration, UpstreamFailure>,
        startedAt: Instant,
        at now: Instant,
        _ rules: HealthConfiguration
    ) {
        guard startedAt == probe else { return }
        probe = nil
        switch result {
        case .success(let latency):
            self.latency.note(latency)
            if circuit == .halfOpen || circuit == .unknown { since = now }
            circuit = .closed
            // One that was sent before a question failed knows nothing of it.
            if lastFailureAt ?? startedAt <= startedAt {
                failuresInRow = 0
                nextProbe = now + rules.idleProbeInterval
            } else {
                nextProbe = now + rules.doubtProbeInterval
            }
        case .failure(let failure):
            lastFailure = failure
            failuresInRow += 1
            if circuit == .closed, failuresInRow < rules.failuresToOpen, failure != .loop {
                nextProbe = now + rules.doubtProbeInterval
            } else {
                // Where nothing was known, one failed probe is enough to know.
                open(at: now)
                nextProbe = now + rules.openProbeInterval
            }
        }
    }

    /// A probe that came to nothing, neither good nor bad: its task was cancelled.
    mutating func dropProbe(
        startedAt: Instant,
        at now: Instant,
        _ rules: HealthConfiguration
    ) {
        guard startedAt == probe else { return }
        probe = nil
        if circuit == .halfOpen { circuit = .open }
        nextProbe = now + rules.openProbeInterval
    }

    mutating func rest(until end: Instant) { nextProbe = max(nextProbe, end) }

    private mutating func open(at now: Instant) {
        circuit = .open
        since = now
        nextProbe = now
    }
}

/// A moment of the clock that goes on while the machine sleeps.
package typealias Instant = ContinuousClock.Instant
