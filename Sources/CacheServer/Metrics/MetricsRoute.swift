// SPDX-License-Identifier: Apache-2.0
import CacheService

extension CacheResponder {
    /// `/metrics`, for Prometheus; every family is described in docs/operations/metrics.md.
    func metricsPage(_ facts: RequestFacts) async -> Answer {
        let text = MetricsPage(metrics: metrics, tier: tier.statistics()).text
        return Representation(
            contentType: PrometheusText.contentType,
            entityTag: nil,
            lifetime: .none,
            content: .bytes(Array(text.utf8)),
            allowsRanges: false
        ).answer(to: facts)
    }
}
