// SPDX-License-Identifier: Apache-2.0
import CacheService

extension MetricsPage {
    /// The caches that the reader may know of: there are as many as somebody has made.
    static func write(_ caches: [CacheFigures], to page: inout PrometheusText) {
        let gauges: [(String, String, (CacheFigures) -> UInt64?)] = [
            ("firn_cache_paths", "Paths in the cache.", { UInt64($0.paths) }),
            (
                "firn_cache_bytes",
                "Bytes that the cache takes; what caches share counts in each.", { $0.sizeBytes }
            ),
            ("firn_cache_quota_bytes", "Bytes that the cache may take.", { $0.quotaBytes }),
        ]
        for (name, help, value) in gauges {
            page.family(name, .gauge, help)
            for cache in caches {
                // Without a quota there is no number, rather than a wrong one.
                guard let value = value(cache) else { continue }
                page.sample(name, labels: [("cache", "\(cache.name)")], value)
            }
        }
        counters(
            "firn_cache_narinfos_total",
            "Narinfos that were asked for.",
            [("hit", \.hits), ("miss", \.misses)],
            caches,
            &page
        )
        counters(
            "firn_cache_pushes_total",
            "Paths that were taken, and NARs and narinfos that were not.",
            [("accepted", \.accepted), ("refused", \.refused)],
            caches,
            &page
        )
    }

    private static func counters(
        _ name: String,
        _ help: String,
        _ results: [(String, KeyPath<CacheFigures, UInt64>)],
        _ caches: [CacheFigures],
        _ page: inout PrometheusText
    ) {
        page.family(name, .counter, help)
        for cache in caches {
            for (result, count) in results {
                page.sample(
                    name,
                    labels: [("cache", "\(cache.name)"), ("result", result)],
                    cache[keyPath: count]
                )
            }
        }
    }
}
