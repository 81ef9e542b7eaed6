// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Testing

@Suite struct ExplainReportTests {
    private static let golden = #"""
        {"answer":{"compression":"zstd","file-bytes":10,"nar-bytes":20,"tier":"p620",\#
        "url":"nar/a.nar.zst"},"path":"abc-hello","summary":"p620 has it.","tiers":[\#
        {"live":{"outcome":"absent","took-ms":0.05},"name":"store"},\#
        {"live":{"outcome":"found","signed-by":["p620-1"],"took-ms":1.5,"url":"nar/a.nar"},\#
        "name":"p620","remembered":{"age-ms":250,"outcome":"found"}},\#
        {"live":{"outcome":"skipped","reason":"its circuit is open"},"name":"nixos"}]}
        """#

    private static let full = ExplainReport(
        path: "abc-hello",
        answer: ExplainReport.Answer(
            tier: "p620",
            url: "nar/a.nar.zst",
            compression: "zstd",
            narBytes: 20,
            fileBytes: 10
        ),
        summary: "p620 has it.",
        tiers: [
            ExplainReport.Tier(
                name: "store",
                remembered: nil,
                live: ExplainReport.Live(
                    outcome: .absent,
                    took: Milliseconds(.microseconds(50))
                )
            ),
            ExplainReport.Tier(
                name: "p620",
                remembered: ExplainReport.Memory(
                    outcome: .found,
                    age: Milliseconds(.milliseconds(250))
                ),
                live: ExplainReport.Live(
                    outcome: .found,
                    took: Milliseconds(.microseconds(1_500)),
                    url: "nar/a.nar",
                    signedBy: ["p620-1"]
                )
            ),
            ExplainReport.Tier(
                name: "nixos",
                remembered: nil,
                live: ExplainReport.Live(outcome: .skipped, reason: "its circuit is open")
            ),
        ]
    )

    @Test func everyFieldHasItsKey() throws {
        #expect(String(decoding: try FirnJSON.write(Self.full), as: UTF8.self) == Self.golden)
        #expect(try FirnJSON.parse(Self.golden.utf8, as: ExplainReport.self) == Self.full)
    }

    @Test func aPathThatNobodyHasHasNoAnswer() throws {
        let text = #"{"path":"abc","summary":"No.","tiers":[]}"#
        let report = try FirnJSON.parse(text.utf8, as: ExplainReport.self)
        #expect(report.answer == nil)
        #expect(String(decoding: try FirnJSON.write(report), as: UTF8.self) == text)
    }

    @Test func anOutcomeOfANewerFirnIsNoError() throws {
        let text = Self.golden.replacing("skipped", with: "dreaming")
        let report = try FirnJSON.parse(text.utf8, as: ExplainReport.self)
        #expect(report.tiers[2].live.outcome == .unrecognised("dreaming"))
    }
}
