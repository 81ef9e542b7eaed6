// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import Testing

@Suite struct ServerMetricsTests {
    private func page(_ metrics: ServerMetrics, depot: TierStatistics.Depot? = nil) -> [Substring] {
        MetricsPage(
            metrics: metrics,
            tier: .sample(depot: depot),
            others: OtherTiers(tiers: [], misses: 0, transfers: 0)
        ).text.split(separator: "\n")
    }

    @Test func aRequestIsCountedOnceByEndpointAndStatus() {
        let metrics = ServerMetrics()
        metrics.requestStarted()
        #expect(page(metrics).contains("firn_http_requests_in_flight 1"))
        metrics.firstByte(.narInfo, .microseconds(100))
        metrics.requestFinished(
            kind: .narInfo,
            status: 200,
            bytes: 500,
            duration: .milliseconds(2),
            isComplete: true
        )
        let lines = page(metrics)
        #expect(lines.contains("firn_http_requests_in_flight 0"))
        #expect(lines.contains(#"firn_http_requests_total{endpoint="narinfo",status="200"} 1"#))
        #expect(lines.contains(#"firn_http_sent_bytes_total{endpoint="narinfo"} 500"#))
        #expect(lines.contains(#"firn_http_aborted_bodies_total{endpoint="narinfo"} 0"#))
        #expect(lines.contains(#"firn_http_first_byte_seconds_count{endpoint="narinfo"} 1"#))
        #expect(lines.contains(#"firn_http_full_body_seconds_sum{endpoint="narinfo"} 0.002"#))
    }

    @Test func anAbortedBodyHasNoDuration() {
        let metrics = ServerMetrics()
        metrics.requestStarted()
        metrics.requestFinished(
            kind: .nar,
            status: 200,
            bytes: 7,
            duration: .seconds(1),
            isComplete: false
        )
        let lines = page(metrics)
        #expect(lines.contains(#"firn_http_aborted_bodies_total{endpoint="nar"} 1"#))
        #expect(lines.contains(#"firn_http_full_body_seconds_count{endpoint="nar"} 0"#))
        #expect(lines.contains(#"firn_http_sent_bytes_total{endpoint="nar"} 7"#))
    }

    @Test func bucketsAreCumulativeAndTheirBoundIsInside() {
        let metrics = ServerMetrics()
        let durations: [Duration] = [
            .zero, .milliseconds(1), .microseconds(1001), .seconds(99), .seconds(-1),
        ]
        for duration in durations {
            metrics.firstByte(.nar, duration)
        }
        let lines = page(metrics).filter {
            $0.hasPrefix(#"firn_http_first_byte_seconds_bucket{endpoint="nar""#)
        }
        func count(_ bound: String) -> Substring? {
            lines.first { $0.contains("le=\"\(bound)\"") }?.split(separator: " ").last
        }
        #expect(count("0.0001") == "2")
        #expect(count("0.001") == "3")
        #expect(count("0.0025") == "4")
        #expect(count("10.0") == "4")
        #expect(count("+Inf") == "5")
    }

    @Test(arguments: [
        (Duration.zero, "0.0"), (.nanoseconds(1), "1e-09"), (.seconds(9443), "9443.0"),
        (.seconds(9445), "9445.0"), (.seconds(1_000_000), "1000000.0"), (.seconds(-5), "0.0"),
        (.seconds(-1_000_000), "0.0"),
    ])
    func durationsOfAnyLengthAddUp(_ duration: Duration, _ sum: String) {
        let metrics = ServerMetrics()
        metrics.firstByte(.log, duration)
        let line = "firn_http_first_byte_seconds_sum{endpoint=\"log\"} \(sum)"
        #expect(page(metrics).contains { $0 == line })
    }

    @Test func connectionsGoUpAndDown() {
        let metrics = ServerMetrics()
        metrics.connectionOpened()
        metrics.connectionOpened()
        metrics.connectionClosed()
        #expect(page(metrics).contains("firn_http_connections 1"))
        #expect(page(metrics).contains("firn_http_connections_total 2"))
    }

    @Test func withoutADepotItsSizesAreAbsent() {
        let absent = page(ServerMetrics())
        #expect(!absent.contains { $0.hasPrefix("firn_depot_objects ") })
        let depot = TierStatistics.Depot(objects: 3, sizeBytes: 4096, maximumSizeBytes: 8192)
        let present = page(ServerMetrics(), depot: depot)
        #expect(present.contains("firn_depot_objects 3"))
        #expect(present.contains("firn_depot_bytes 4096"))
        #expect(present.contains("firn_depot_limit_bytes 8192"))
    }

    @Test func theProcessIsOnThePage() {
        let lines = page(ServerMetrics())
        #expect(lines.contains { $0.hasPrefix("process_start_time_seconds 1") })
        #expect(lines.contains { $0.hasPrefix("process_resident_memory_bytes ") })
    }

    @Test func everyStatusHasAPlace() {
        let metrics = ServerMetrics()
        let groups = [
            (200, "200"), (206, "206"), (304, "304"), (302, "3xx"), (400, "400"), (404, "404"),
            (405, "405"), (416, "416"), (431, "4xx"), (500, "500"), (503, "503"), (501, "5xx"),
        ]
        for (status, label) in groups {
            metrics.requestStarted()
            metrics.requestFinished(
                kind: .unrecognised,
                status: status,
                bytes: 0,
                duration: .zero,
                isComplete: true
            )
            let line =
                "firn_http_requests_total{endpoint=\"unrecognised\",status=\"\(label)\"} 1"
            #expect(page(metrics).contains { $0 == line })
        }
    }
}
