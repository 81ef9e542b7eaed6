// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Testing

@Suite struct CollectReportTests {
    @Test(arguments: [
        (CollectRequest(downToBytes: nil, isDryRun: true), #"{"dry-run":true}"#),
        (
            CollectRequest(downToBytes: 5_000_000_000, isDryRun: false),
            #"{"down-to-bytes":5000000000,"dry-run":false}"#
        ),
    ])
    func theRequestHasItsKeys(_ request: CollectRequest, _ golden: String) throws {
        #expect(String(decoding: try FirnJSON.write(request), as: UTF8.self) == golden)
        #expect(try FirnJSON.parse(golden.utf8, as: CollectRequest.self) == request)
    }

    @Test func theReportHasItsKeys() throws {
        let golden = #"""
            {"dry-run":false,"freed-bytes":12,"objects":[{"name":"a.nar.zst","size-bytes":12,\#
            "used-at":"2026-01-02T03:04:05Z"}]}
            """#
        let report = CollectReport(
            isDryRun: false,
            freedBytes: 12,
            objects: [
                CollectReport.Object(
                    name: "a.nar.zst",
                    sizeBytes: 12,
                    usedAt: Timestamp(parsing: "2026-01-02T03:04:05Z")
                )
            ]
        )
        #expect(String(decoding: try FirnJSON.write(report), as: UTF8.self) == golden)
        #expect(try FirnJSON.parse(golden.utf8, as: CollectReport.self) == report)
    }
}
