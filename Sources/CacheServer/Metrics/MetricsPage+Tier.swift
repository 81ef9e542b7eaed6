// SPDX-License-Identifier: Apache-2.0
import CacheService

extension MetricsPage {
    static func write(_ tier: TierStatistics, to page: inout PrometheusText) {
        let counters: [(String, String, UInt64)] = [
            (
                "firn_store_hits_total", "Lookups of paths that the store has.", tier.storeHits
            ),
            (
                "firn_store_misses_total", "Lookups of paths that the store has not.",
                tier.storeMisses
            ),
            (
                "firn_store_nar_bytes_read_total",
                "Bytes of NARs that were read from the store.", tier.narBytesRead
            ),
            (
                "firn_store_hash_mismatches_total",
                "Paths whose files were not what Nix registered.", tier.hashMismatches
            ),
            (
                "firn_store_bad_paths_total",
                "Paths that are not served any more because they could not be read.", tier.badPaths
            ),
            (
                "firn_store_database_errors_total",
                "Questions that Nix's database did not answer.", tier.databaseErrors
            ),
            (
                "firn_store_roots_failed_total",
                "Streams that could not be protected from garbage collection.", tier.rootsFailed
            ),
            (
                "firn_signatures_made_total",
                "Signatures made with this cache's keys.", tier.signaturesMade
            ),
            (
                "firn_depot_hits_total",
                "NARs that were answered with an object of the depot.", tier.depotHits
            ),
            (
                "firn_depot_misses_total",
                "NARs that had to be read from the store.", tier.depotMisses
            ),
            (
                "firn_deltas_sent_total",
                "NARs that were answered with a delta.", tier.deltas.sent
            ),
            (
                "firn_deltas_reused_total",
                "Those of them that had been made for somebody before.", tier.deltas.reused
            ),
            (
                "firn_deltas_made_total",
                "Deltas that were made, useful or not.", tier.deltas.made
            ),
            (
                "firn_deltas_made_bytes_total",
                "Bytes of deltas that were made.", tier.deltas.madeBytes
            ),
            (
                "firn_deltas_making_microseconds_total",
                "Time of threads that the making of deltas took.", tier.deltas.madeMicroseconds
            ),
        ]
        for (name, help, value) in counters { page.single(name, .counter, help, value) }
        writeDepot(tier, &page)
    }

    private static func writeDepot(_ tier: TierStatistics, _ page: inout PrometheusText) {
        page.single(
            "firn_depot_waiting_objects",
            .gauge,
            "Paths that wait to be compressed.",
            tier.waitingObjects
        )
        let gauges: [(String, String, String?)] = [
            (
                "firn_depot_objects",
                "Objects in the depot.", tier.depot.map { "\($0.objects)" }
            ),
            (
                "firn_depot_bytes",
                "Bytes that the depot takes, unfinished objects included.",
                tier.depot.map { "\($0.sizeBytes + $0.pendingSizeBytes)" }
            ),
            (
                "firn_depot_limit_bytes",
                "Bytes that the depot may take.", tier.depot.map { "\($0.maximumSizeBytes)" }
            ),
        ]
        page.single(
            "firn_deltas_kept_bytes",
            .gauge,
            "Bytes of the depot that kept deltas take.",
            tier.deltas.keptBytes
        )
        for (name, help, value) in gauges {
            page.family(name, .gauge, help)
            // Without a depot there is no number, rather than a wrong one.
            if let value { page.sample(name, value) }
        }
    }

    /// Whether NARs of other caches are kept: not while the disk is full, say.
    static func writeKeeping(_ others: OtherTiers, to page: inout PrometheusText) {
        page.family(
            "firn_depot_keeping",
            .gauge,
            "1 while the depot keeps what passes through, 0 while something is in its way."
        )
        if let isKeeping = others.isKeeping { page.sample("firn_depot_keeping", isKeeping ? 1 : 0) }
    }

    static func writeBuild(_ version: String, to page: inout PrometheusText) {
        page.family("firn_build_info", .gauge, "Always 1; the version is its label.")
        page.sample("firn_build_info", labels: [("version", version)], 1)
    }

    static func writeProcess(_ metrics: ServerMetrics, to page: inout PrometheusText) {
        page.family(
            "process_resident_memory_bytes",
            .gauge,
            "Bytes of memory of this process that are in RAM."
        )
        if let bytes = ProcessFacts.residentMemoryBytes() {
            page.sample("process_resident_memory_bytes", bytes)
        }
        page.single(
            "process_start_time_seconds",
            .gauge,
            "When this process started, in seconds since 1970.",
            metrics.startTime
        )
    }
}
