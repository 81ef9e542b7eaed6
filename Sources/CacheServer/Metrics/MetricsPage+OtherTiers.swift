// SPDX-License-Identifier: Apache-2.0
package import CacheService

/// The part of the page that is about other caches.
package struct OtherTiers: Sendable {
    package var tiers: [TierStatus]
    package var misses: UInt64
    package var transfers: Int
    /// `nil` without a depot.
    package var isKeeping: Bool?

    package init(
        tiers: [TierStatus],
        misses: UInt64,
        transfers: Int,
        isKeeping: Bool? = nil
    ) {
        self.isKeeping = isKeeping
        self.tiers = tiers
        self.misses = misses
        self.transfers = transfers
    }
}

extension MetricsPage {
    static func write(_ others: OtherTiers, to page: inout PrometheusText) {
        let families: [(String, PrometheusText.Kind, String, (TierStatus) -> String?)] = [
            (
                "firn_tier_up", .gauge, "1 while the tier is asked.",
                { $0.state == "up" ? "1" : "0" }
            ),
            (
                "firn_tier_latency_seconds", .gauge, "Smoothed time to the answer of a lookup.",
                { $0.latency.map { "\($0 / .seconds(1))" } }
            ),
            (
                "firn_tier_requests_total", .counter, "Requests sent to the tier.",
                { "\($0.requests)" }
            ),
            (
                "firn_tier_failures_total", .counter, "Requests that the tier was of no use for.",
                { "\($0.failures)" }
            ),
            (
                "firn_tier_hits_total", .counter, "Lookups that the tier had the answer to.",
                { "\($0.hits)" }
            ),
            (
                "firn_tier_misses_total", .counter, "Lookups of paths that the tier has not.",
                { "\($0.misses)" }
            ),
            (
                "firn_tier_nar_bytes_total", .counter, "Bytes of NARs received from the tier.",
                { "\($0.narBytes)" }
            ),
            (
                "firn_tier_deltas_total", .counter, "NARs of the tier that were made of deltas.",
                { $0.deltas.map { "\($0.used)" } }
            ),
            (
                "firn_tier_delta_failures_total", .counter,
                "Deltas of the tier that were of no use.",
                { $0.deltas.map { "\($0.failures)" } }
            ),
            (
                "firn_tier_delta_bytes_total", .counter, "Bytes of deltas that NARs were made of.",
                { $0.deltas.map { "\($0.deltaBytes)" } }
            ),
            (
                "firn_tier_delta_ordinary_bytes_total", .counter,
                "Bytes that the same NARs would have taken in the ordinary form.",
                { $0.deltas.map { "\($0.ordinaryBytes)" } }
            ),
        ]
        for (name, kind, help, value) in families {
            page.family(name, kind, help)
            for tier in others.tiers {
                guard let value = value(tier) else { continue }
                page.sample(name, labels: [("tier", tier.name)], value)
            }
        }
        page.single(
            "firn_tiers_misses_total",
            .counter,
            "Lookups that no other cache had an answer to.",
            others.misses
        )
        page.single(
            "firn_transfers",
            .gauge,
            "NARs that are on their way from other caches, or have just come.",
            others.transfers
        )
    }
}
