// SPDX-License-Identifier: Apache-2.0

/// How one tier is doing, address by address, and which address is asked.
///
/// A pure value: it is told what happened and when, and is asked what to do; it sends nothing itself.
/// - 404, 403 and 410 are answers; so is every status below 500 and a narinfo that is not believed.
/// - An address opens after three failures in a row, or after one failed probe when nothing was
///   known about it; then only probes go there, and the first good one closes it.
package struct Health: Sendable {
    /// What a question may do.
    package enum Permission: Sendable, Hashable {
        /// The addresses to try, best first.
        case ask([Int])
        case unavailable
        case resting
    }

    package private(set) var addresses: [AddressHealth]
    /// The address that is asked first; `nil` while none has answered.
    package private(set) var chosen: Int?
    /// Of lookups, on whichever address was chosen then.
    package private(set) var latency = LatencyEstimate()
    package private(set) var lastFailure: UpstreamFailure?
    package private(set) var isFirn = false
    package private(set) var servesDeltas = false
    private var restsUntil: Instant?
    private let rules: HealthConfiguration

    package init(addressCount: Int, rules: HealthConfiguration, at now: Instant) {
        self.rules = rules
        addresses = Array(repeating: AddressHealth(at: now), count: addressCount)
    }

    package func permission(at now: Instant) -> Permission {
        if isResting(at: now) { return .resting }
        let usable = addresses.indices.filter { addresses[$0].isUsable }
        guard !usable.isEmpty else { return .unavailable }
        let order = usable.enumerated().sorted { left, right in
            rank(left.element, left.offset) < rank(right.element, right.offset)
        }
        return .ask(order.map(\.element))
    }

    /// An answer about a path, whatever it was.
    package mutating func noteAnswer(
        from address: Int,
        startedAt: Instant,
        latency sample: Duration?,
        at now: Instant
    ) {
        if let sample, address == chosen || chosen == nil { latency.note(sample) }
        addresses[address].noteAnswer(startedAt: startedAt, at: now, rules)
        if chosen == nil, addresses[address].isUsable { chosen = address }
    }

    /// No answer, or one with a status of 500 or above.
    package mutating func noteFailure(
        _ failure: UpstreamFailure,
        from address: Int,
        startedAt: Instant,
        at now: Instant
    ) {
        lastFailure = failure
        addresses[address].noteFailure(failure, startedAt: startedAt, at: now, rules)
        chooseAgain()
    }

    /// 429 or 503: the tier wants to be left alone, all addresses of it.
    ///
    /// `rest` is what its Retry-After says, `nil` when it says nothing.
    package mutating func noteRest(_ rest: Duration?, at now: Instant) {
        lastFailure = .resting
        let end = now + min(max(rest ?? rules.unnamedRest, .zero), rules.maximumRest)
        restsUntil = max(restsUntil ?? end, end)
        for index in addresses.indices { addresses[index].rest(until: end) }
    }

    /// The machine is somewhere else now: nothing that was known counts.
    package mutating func networkChanged(at now: Instant) {
        addresses = Array(repeating: AddressHealth(at: now), count: addresses.count)
        (chosen, restsUntil) = (nil, nil)
        latency = LatencyEstimate()
    }
}

extension Health {
    /// Addresses to send a probe to now, whose start is `now`; each is told of its end by `noteProbe`
    /// or `dropProbe`.
    package mutating func startProbes(at now: Instant) -> [Int] {
        guard !isResting(at: now) else { return [] }
        return addresses.indices.filter { addresses[$0].startProbe(at: now) }
    }

    /// When ``startProbes(at:)`` has something to say again, as far as is known.
    package func nextProbe(after now: Instant) -> Instant {
        let next = addresses.map(\.nextProbe).filter { $0 > now }.min()
        return max(next ?? now + rules.doubtProbeInterval, restsUntil ?? now)
    }

    package mutating func noteProbe(
        of address: Int,
        _ result: Result<ProbeAnswer, UpstreamFailure>,
        startedAt: Instant,
        at now: Instant
    ) {
        if case .success(let answer) = result {
            (isFirn, servesDeltas) = (answer.isFirn, answer.servesDeltas)
        }
        if case .failure(let failure) = result { lastFailure = failure }
        addresses[address].noteProbe(
            result.map(\.latency),
            startedAt: startedAt,
            at: now,
            rules
        )
        chooseAgain()
    }

    package mutating func dropProbe(of address: Int, startedAt: Instant, at now: Instant) {
        addresses[address].dropProbe(startedAt: startedAt, at: now, rules)
    }

    package func state(at now: Instant) -> TierReport.State {
        if isResting(at: now) { return .resting }
        if addresses.contains(where: { $0.circuit == .closed }) { return .up }
        return addresses.contains { $0.circuit == .unknown } ? .unknown : .down
    }

    package func isResting(at now: Instant) -> Bool { restsUntil.map { $0 > now } ?? false }

    /// Keeps the chosen address as long as it works and no other is clearly quicker.
    private mutating func chooseAgain() {
        let working = addresses.indices.filter { addresses[$0].circuit == .closed }
        let best = working.min { latency(of: $0) < latency(of: $1) }
        guard let best, best != chosen else {
            if let chosen, !addresses[chosen].isUsable { self.chosen = nil }
            return
        }
        if let chosen, addresses[chosen].circuit == .closed {
            let (old, new) = (latency(of: chosen), latency(of: best))
            guard new < old * rules.betterLatencyShare, old - new >= rules.betterLatencyBy else {
                return
            }
        }
        chosen = best
        latency = LatencyEstimate()
    }

    private func latency(of address: Int) -> Duration {
        addresses[address].latency.latency ?? .seconds(3600)
    }

    /// The chosen one, then what works, then what nobody knows about, each in the user's order.
    private func rank(_ address: Int, _ position: Int) -> (Int, Duration, Int) {
        if address == chosen { return (0, .zero, position) }
        guard addresses[address].circuit == .closed else { return (2, .zero, position) }
        return (1, latency(of: address), position)
    }
}

/// What a probe found.
package struct ProbeAnswer: Sendable, Hashable {
    package var latency: Duration
    package var isFirn: Bool
    package var servesDeltas: Bool

    package init(latency: Duration, isFirn: Bool, servesDeltas: Bool = false) {
        self.latency = latency
        self.isFirn = isFirn
        self.servesDeltas = servesDeltas
    }
}
