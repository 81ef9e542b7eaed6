// SPDX-License-Identifier: Apache-2.0
import CacheService

/// Who may read the metrics.
package enum MetricsReaders: Sendable {
    case all
    /// Programs of this machine, over loopback or a unix socket; to others there is nothing there.
    case thisMachine
}

extension CacheResponder {
    /// `/metrics`, for Prometheus; every family is described in docs/operations/metrics.md.
    func metricsPage(_ facts: RequestFacts) async throws(CacheError) -> Answer {
        guard metricsReaders == .all || facts.isFromThisMachine else { throw .notFound }
        let others = OtherTiers(
            tiers: cache.tierStatus(),
            misses: cache.missCount,
            transfers: cache.transferStatus().count
        )
        let text = MetricsPage(metrics: metrics, tier: tier.statistics(), others: others).text
        return Representation(
            contentType: PrometheusText.contentType,
            entityTag: nil,
            lifetime: .none,
            content: .bytes(Array(text.utf8)),
            allowsRanges: false
        ).answer(to: facts)
    }
}
