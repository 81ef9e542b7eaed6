// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import Logging

/// Who may read the metrics, or the page about what goes on.
package enum PageReaders: Sendable {
    case all
    /// Programs of this machine, over loopback or a unix socket; to others there is nothing there.
    case thisMachine
}

extension CacheResponder {
    /// `/metrics`, for Prometheus; every family is described in docs/operations/metrics.md.
    func metricsPage(_ facts: RequestFacts) async throws -> Answer {
        guard metricsReaders == .all || facts.isFromThisMachine else { throw CacheError.notFound }
        let others = OtherTiers(
            tiers: cache.tierStatus(),
            misses: cache.missCount,
            transfers: cache.transferStatus().count,
            isKeeping: tier.depot.map { _ in cache.keepingTrouble == nil }
        )
        let text = MetricsPage(
            metrics: metrics,
            tier: tier.statistics(),
            others: others,
            caches: await cacheFigures(facts),
            version: node.version
        ).text
        return Representation(
            contentType: PrometheusText.contentType,
            entityTag: nil,
            lifetime: .none,
            content: .bytes(Array(text.utf8)),
            allowsRanges: false
        ).answer(to: facts)
    }

    /// Those of the caches that the reader may know of: programs of this machine of all.
    ///
    /// The other numbers are to be had while the catalog does not answer, too.
    func cacheFigures(_ facts: RequestFacts) async -> [CacheFigures] {
        guard let named = cache.named else { return [] }
        do {
            let visitor =
                facts.isFromThisMachine ? .owner : try await visitor(facts, of: named)
            return try await named.figures(for: visitor)
        } catch {
            logger.warning("no figures of caches", metadata: ["cause": "\(error)"])
            return []
        }
    }
}
