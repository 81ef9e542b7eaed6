// SPDX-License-Identifier: Apache-2.0
package import CacheService

/// All numbers of this server as one page.
package struct MetricsPage: Sendable {
    package let text: String

    package init(
        metrics: ServerMetrics,
        tier: TierStatistics,
        others: OtherTiers,
        caches: [CacheFigures] = [],
        version: String = ""
    ) {
        var page = PrometheusText()
        Self.write(metrics, to: &page)
        Self.write(tier, to: &page)
        Self.write(others, to: &page)
        Self.write(caches, to: &page)
        Self.writeKeeping(others, to: &page)
        Self.writeBuild(version, to: &page)
        Self.writeProcess(metrics, to: &page)
        text = page.text
    }

    private static func write(_ metrics: ServerMetrics, to page: inout PrometheusText) {
        page.family("firn_http_requests_total", .counter, "Requests that were answered.")
        for kind in EndpointKind.allCases {
            for group in StatusGroup.allCases {
                let count = metrics[kind].byStatus[group.rawValue].value
                guard count > 0 else { continue }
                page.sample(
                    "firn_http_requests_total",
                    labels: [("endpoint", kind.label), ("status", group.label)],
                    count
                )
            }
        }
        byEndpoint(
            "firn_http_sent_bytes_total",
            "Bytes of bodies handed to the socket.",
            metrics,
            \.bytesSent,
            &page
        )
        byEndpoint(
            "firn_http_aborted_bodies_total",
            "Bodies that were broken off before their end.",
            metrics,
            \.abortedBodies,
            &page
        )
        durations(metrics, &page)
        connections(metrics, &page)
    }

    private static func byEndpoint(
        _ name: String,
        _ help: String,
        _ metrics: ServerMetrics,
        _ counter: KeyPath<ServerMetrics.Requests, Counter>,
        _ page: inout PrometheusText
    ) {
        page.family(name, .counter, help)
        for kind in EndpointKind.allCases {
            let count = metrics[kind][keyPath: counter].value
            page.sample(name, labels: [("endpoint", kind.label)], count)
        }
    }

    private static func durations(_ metrics: ServerMetrics, _ page: inout PrometheusText) {
        let families: [(String, String, KeyPath<ServerMetrics.Requests, DurationHistogram>)] = [
            (
                "firn_http_first_byte_seconds",
                "From the end of a request to the first byte of its answer.", \.firstByte
            ),
            (
                "firn_http_full_body_seconds",
                "From the end of a request to the last byte of its complete answer.", \.fullBody
            ),
        ]
        for (name, help, histogram) in families {
            page.family(name, .histogram, help)
            for kind in EndpointKind.allCases {
                page.histogram(name, [("endpoint", kind.label)], metrics[kind][keyPath: histogram])
            }
        }
    }

    private static func connections(_ metrics: ServerMetrics, _ page: inout PrometheusText) {
        page.single(
            "firn_http_requests_in_flight",
            .gauge,
            "Requests that are being answered.",
            metrics.inFlight.value
        )
        page.single(
            "firn_http_connections",
            .gauge,
            "Connections that are open.",
            metrics.openConnections.value
        )
        page.single(
            "firn_http_connections_total",
            .counter,
            "Connections that were accepted.",
            metrics.acceptedConnections.value
        )
    }
}
