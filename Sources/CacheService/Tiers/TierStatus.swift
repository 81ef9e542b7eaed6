// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Upstream

/// Another cache as it is doing at this moment.
package struct TierStatus: Sendable {
    package struct Address: Sendable {
        package var url: String
        package var isChosen: Bool
        package var state: String
        package var latency: Duration?
        package var lastFailure: String?
    }

    package var name: String
    /// One of `up`, `down`, `resting`, `unknown`.
    package var state: String
    package var latency: Duration?
    package var isFirn: Bool
    /// Whether it has this Firn as a tier, too.
    package var asksBack: Bool
    package var lastFailure: String?
    package var requests: UInt64
    package var failures: UInt64
    package var narBytes: UInt64
    /// Lookups that were answered with what it has.
    package var hits: UInt64
    /// Lookups that it answered with not having the path.
    package var misses: UInt64
    package var addresses: [Address]
    /// `nil` where the tier makes no deltas and none has come.
    package var deltas: DeltaFigures?

    package init(
        name: String,
        state: String,
        latency: Duration? = nil,
        isFirn: Bool = false,
        asksBack: Bool = false,
        lastFailure: String? = nil,
        requests: UInt64 = 0,
        failures: UInt64 = 0,
        narBytes: UInt64 = 0,
        hits: UInt64 = 0,
        misses: UInt64 = 0,
        addresses: [Address] = [],
        deltas: DeltaFigures? = nil
    ) {
        self.name = name
        self.state = state
        self.latency = latency
        self.isFirn = isFirn
        self.asksBack = asksBack
        self.lastFailure = lastFailure
        self.requests = requests
        self.failures = failures
        self.narBytes = narBytes
        self.hits = hits
        self.misses = misses
        self.addresses = addresses
        self.deltas = deltas
    }

    init(_ tier: RemoteTier) {
        let report = tier.cache.report
        self.init(
            name: tier.name,
            state: report.state.rawValue,
            latency: report.latency,
            isFirn: report.isFirn,
            asksBack: report.asksBack,
            lastFailure: report.lastFailure.map(\.description),
            requests: report.requests,
            failures: report.failures,
            narBytes: report.narBytes,
            hits: tier.counters.hits.load(ordering: .relaxed),
            misses: tier.counters.misses.load(ordering: .relaxed),
            addresses: report.addresses.map { address in
                Address(
                    url: address.url,
                    isChosen: address.isChosen,
                    state: address.state.rawValue,
                    latency: address.latency,
                    lastFailure: address.lastFailure.map(\.description)
                )
            },
            deltas: DeltaFigures(tier)
        )
    }
}
