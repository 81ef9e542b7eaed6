// SPDX-License-Identifier: Apache-2.0
package import Logging
import ServiceLifecycle
import Synchronization

/// Another binary cache over HTTP: one tier, with one or several addresses.
///
/// Only with ``run()`` under way does an address that was given up come back.
package final class UpstreamTier: BinaryCache, Service {
    struct State {
        var health: Health
        var requests: UInt64 = 0
        var failures: UInt64 = 0
        var narBytes: UInt64 = 0
        /// A lookup failed since the tier was last known to be up.
        ///
        /// Probes ask for a narinfo too then: a cache may tell its name and be silent about paths.
        var isInDoubt = false
        /// Whether the log was last told that it is down.
        var isToldDown = false
        /// What its place in a circle is, as far as is known; told once.
        var isThisServer = false
        var asksBack = false
        var lastFailure: UpstreamFailure?
        /// How often the network has become another one.
        var networks: UInt64 = 0
    }

    package let configuration: UpstreamConfiguration
    let client: UpstreamClient
    let logger: Logger
    let state: Mutex<State>
    let alarm = Alarm()
    /// How fast NARs come, whoever reads them how slowly.
    let link = BusyMeter()

    /// Nothing is asked before ``run()`` or the first question; all tiers share one client.
    package init(_ configuration: UpstreamConfiguration, client: UpstreamClient, logger: Logger) {
        self.configuration = configuration
        self.client = client
        var logger = logger
        logger[metadataKey: "tier"] = "\(configuration.name)"
        self.logger = logger
        let health = Health(
            addressCount: configuration.urls.count,
            rules: configuration.health,
            at: .now
        )
        state = Mutex(State(health: health))
    }

    package var name: String { configuration.name }

    /// Nothing that was known counts any more; all addresses are probed at once.
    ///
    /// ``UpstreamClient/networkChanged()`` comes first, so that the probes take new connections.
    package func networkChanged() {
        state.withLock { state in
            state.health.networkChanged(at: .now)
            state.isInDoubt = false
            state.networks += 1
        }
        link.forget()
        alarm.ring()
    }

    package var condition: TierReport.State {
        state.withLock { $0.health.state(at: .now) }
    }

    package var latency: Duration? { state.withLock { $0.health.latency.latency } }
    package var slowLatency: Duration? { state.withLock { $0.health.latency.slowLatency } }

    package var isFirn: Bool { state.withLock { $0.health.isFirn } }

    package var report: TierReport {
        let now = Instant.now
        return state.withLock { state in
            TierReport(
                state: state.health.state(at: now),
                latency: state.health.latency.latency,
                slowLatency: state.health.latency.slowLatency,
                addresses: configuration.urls.indices.map { address($0, state.health) },
                isFirn: state.health.isFirn,
                asksBack: state.asksBack,
                lastFailure: state.lastFailure,
                requests: state.requests,
                failures: state.failures,
                narBytes: state.narBytes
            )
        }
    }

    private func address(_ index: Int, _ health: Health) -> TierReport.Address {
        let address = health.addresses[index]
        let state: TierReport.State =
            switch address.circuit {
            case .closed: .up
            case .open, .halfOpen: .down
            case .unknown: .unknown
            }
        return TierReport.Address(
            url: configuration.urls[index].description,
            isChosen: health.chosen == index,
            state: state,
            latency: address.latency.latency,
            lastFailure: address.lastFailure
        )
    }
}
