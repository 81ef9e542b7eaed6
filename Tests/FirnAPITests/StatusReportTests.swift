// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Foundation
import Testing

@Suite struct StatusReportTests {
    /// The body as the contract has it, every key once.
    private static let golden = #"""
        {"depot":{"hits":5,"location":"/var/lib/firn/depot","maximum-bytes":100000000000,\#
        "misses":6,"objects":7,"pending-bytes":8,"stored-bytes":9},"node":"3f9a","priority":30,\#
        "started-at":"2026-08-22T10:11:12Z","store":{"hits":1,"misses":2},\#
        "store-directory":"/nix/store","tiers":[{"addresses":[{"is-chosen":true,\#
        "last-failure":"timed out","latency-ms":1.234,"state":"up","url":"http://p620:5000"}],\#
        "failures":1,"hits":3,"is-firn":true,"last-failure":"refused","latency-ms":2,\#
        "misses":4,"name":"p620","nar-bytes":12345678901,"requests":10,"state":"resting"}],\#
        "transfers":[{"nar":"nar/a-b.nar","readers":2,"received-bytes":1,"size-bytes":3,\#
        "tier":"p620"}],"version":"0.1.0"}
        """#

    static let full = StatusReport(
        version: "0.1.0",
        node: "3f9a",
        startedAt: Timestamp(Date(timeIntervalSince1970: 1_787_393_472)),
        storeDirectory: "/nix/store",
        priority: 30,
        store: StatusReport.Store(hits: 1, misses: 2),
        depot: StatusReport.Depot(
            location: "/var/lib/firn/depot",
            objects: 7,
            storedBytes: 9,
            pendingBytes: 8,
            maximumBytes: 100_000_000_000,
            hits: 5,
            misses: 6
        ),
        tiers: [
            StatusReport.Tier(
                name: "p620",
                state: .resting,
                latency: Milliseconds(.milliseconds(2)),
                isFirn: true,
                lastFailure: "refused",
                requests: 10,
                failures: 1,
                narBytes: 12_345_678_901,
                hits: 3,
                misses: 4,
                addresses: [
                    StatusReport.Address(
                        url: "http://p620:5000",
                        isChosen: true,
                        state: .up,
                        latency: Milliseconds(.microseconds(1_234)),
                        lastFailure: "timed out"
                    )
                ]
            )
        ],
        transfers: [
            StatusReport.Transfer(
                nar: "nar/a-b.nar",
                tier: "p620",
                receivedBytes: 1,
                sizeBytes: 3,
                readers: 2
            )
        ]
    )

    @Test func everyFieldHasItsKey() throws {
        #expect(String(decoding: try FirnJSON.write(Self.full), as: UTF8.self) == Self.golden)
        #expect(try FirnJSON.parse(Self.golden.utf8, as: StatusReport.self) == Self.full)
    }

    @Test func whatIsAbsentHasNoKey() throws {
        var report = Self.full
        report.depot = nil
        report.tiers[0].latency = nil
        report.tiers[0].lastFailure = nil
        report.tiers[0].addresses[0].latency = nil
        report.tiers[0].addresses[0].lastFailure = nil
        report.transfers[0].sizeBytes = nil
        let bytes = try FirnJSON.write(report)
        let text = String(decoding: bytes, as: UTF8.self)
        for key in ["depot", "latency-ms", "last-failure", "size-bytes", "null"] {
            #expect(!text.contains("\"\(key)\""))
        }
        #expect(try FirnJSON.parse(bytes, as: StatusReport.self) == report)
    }

    @Test func keysAndWordsOfANewerFirnAreNoError() throws {
        let text = Self.golden.replacing("\"node\"", with: "\"mood\":[{}],\"node\"")
            .replacing("\"resting\"", with: "\"asleep\"")
        let report = try FirnJSON.parse(text.utf8, as: StatusReport.self)
        #expect(report.tiers[0].state == .unrecognised("asleep"))
        #expect(String(decoding: try FirnJSON.write(report), as: UTF8.self).contains("asleep"))
    }

    @Test(arguments: [
        ("\"priority\":30,", "", "has no \"priority\""),
        ("\"requests\":10", "\"requests\":\"10\"", "tiers.0.requests: is of another type"),
        ("\"latency-ms\":2", "\"latency-ms\":-2", "tiers.0.latency-ms: out of range"),
        ("\"latency-ms\":2", "\"latency-ms\":1e300", "tiers.0.latency-ms: out of range"),
        ("2026-08-22T10:11:12Z", "yesterday", "started-at: is not an instant of RFC 3339"),
        ("{\"depot\"", "\"depot\"", "not JSON"),
    ])
    func whatDoesNotFitIsToldWithItsPlace(_ part: String, _ new: String, _ message: String) {
        let text = Self.golden.replacing(part, with: new)
        let error = #expect(throws: FirnJSON.ParseError.self) {
            try FirnJSON.parse(text.utf8, as: StatusReport.self)
        }
        #expect(error?.description == message)
    }

    @Test(arguments: [
        "2026-08-22T10:11:12Z", "2026-08-22T10:11:12.999Z", "2026-08-22T12:11:12+02:00",
    ])
    func instantsAreReadInEverySpelling(_ text: String) {
        #expect(Timestamp(parsing: text)?.description == "2026-08-22T10:11:12Z")
    }
}
