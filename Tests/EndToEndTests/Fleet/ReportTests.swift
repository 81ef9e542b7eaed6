// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import FirnTestSupport
import Fleet
import Foundation
import Testing

/// `firn report` over receipts as deployments leave them.
@Suite struct ReportTests {
    @Test func withoutReceiptsItSaysWhereItLooked() async throws {
        try await withReceipts([]) { report in
            let outcome = try await report([])
            #expect(outcome.status == 0)
            #expect(outcome.text.hasPrefix("no receipts yet in "))
            #expect(try await report(["--json"]).output.isEmpty)
        }
    }

    @Test func eachDeploymentIsALineWithWhyNotFromNearer() async throws {
        let receipts = [
            receipt("samsung", .builder, second: 10, took: 48),
            receipt("p510", .target, second: 20, took: 960),
        ]
        try await withReceipts(receipts) { report in
            let lines = try await report([]).lines
            #expect(lines.count == 5)
            #expect(lines[0].hasPrefix("STARTED"))
            let first = lines[1].split(separator: " ").map(String.init)
            #expect(
                first.dropFirst(2).joined(separator: " ")
                    == "samsung builder done 48 s 40 MB 21 kB 7.1 s"
            )
            #expect(lines[2].contains("p620 90 paths, 100 MB"))
            #expect(lines[3].contains("not from p620: 2 absent"))
            #expect(lines[4].contains("p510"))
            #expect(try await report(["p510"]).lines.count == 2)
            #expect(try await report(["--last", "1"]).lines.count == 2)
        }
    }

    @Test func comparisonHasMediansOfWhatWasDone() async throws {
        let receipts = [
            receipt("samsung", .builder, second: 10, took: 40),
            receipt("samsung", .builder, second: 11, took: 50),
            receipt("samsung", .builder, second: 12, took: 60),
            receipt("samsung", .builder, second: 13, took: 1, outcome: .failed),
            receipt("samsung", .target, second: 20, took: 960),
            receipt("samsung", .builder, second: 30, took: 3, outcome: .unchanged),
        ]
        try await withReceipts(receipts) { report in
            let text = try await report(["--compare"]).text
            #expect(text.firstMatch(of: /deployments +3 +1\n/) != nil, "\(text)")
            #expect(text.firstMatch(of: /\ntime +50 s +16 min\n/) != nil, "\(text)")
            #expect(text.firstMatch(of: /from p620 +100 % +-\n/) != nil, "\(text)")
            #expect(text.firstMatch(of: /CPU time of the host +7\.1 s +-/) != nil, "\(text)")
            #expect(text.contains("unchanged: 1 deployment, 3.0 s each"))
            let json = try await report(["--compare", "--json"])
            let comparison = try FirnJSON.parse(json.output, as: StrategyComparison.self)
            #expect(comparison.columns.map(\.strategy) == [.builder, .target])
            #expect(comparison == StrategyComparison(receipts))
        }
    }

    @Test func jsonIsTheReceiptsThemselves() async throws {
        let receipts = [receipt("samsung", .builder, second: 10, took: 48)]
        try await withReceipts(receipts) { report in
            let line = try #require(try await report(["--json"]).lines.first)
            #expect(try FirnJSON.parse(line.utf8, as: Receipt.self) == receipts[0])
        }
    }

    @Test func aLineThatIsNoneIsLeftOutAndSaidSo() async throws {
        let receipts = [receipt("samsung", .builder, second: 10, took: 48)]
        try await withReceipts(receipts, garbage: "{\"id\":\n") { report in
            let outcome = try await report(["--json"])
            #expect(outcome.status == 0)
            #expect(outcome.lines.count == 1)
            #expect(outcome.errors.contains("1 lines are no receipts"))
        }
    }

    @Test(arguments: [["--last", "-1"], ["../x"]])
    func nonsenseIsAUsageError(_ arguments: [String]) async throws {
        try await withReceipts([]) { report in
            let outcome = try await report(arguments)
            #expect(outcome.status == 2)
        }
    }

    private func receipt(
        _ host: String,
        _ strategy: Receipt.Strategy,
        second: Double,
        took seconds: Int,
        outcome: Receipt.Outcome = .done
    ) -> Receipt {
        var receipt = Receipt(
            id: "token-\(Int(second))",
            host: host,
            by: "ana@razer",
            startedAt: Timestamp(Date(timeIntervalSince1970: 1_790_000_000 + second)),
            took: Milliseconds(.seconds(seconds)),
            strategy: strategy,
            action: "switch",
            outcome: outcome
        )
        receipt.phases = [Receipt.PhaseTime("build", took: Milliseconds(.seconds(seconds / 2)))]
        guard strategy == .builder else { return receipt }
        var near = PullReport.Share(name: "p620")
        near.paths = 90
        near.narBytes = 100_000_000
        near.wireBytes = 40_000_000
        near.misses = ["absent": 2]
        receipt.pull = PullReport()
        receipt.pull?.tiers = [near]
        receipt.use = ResourceUse(cpuSeconds: 7.1, writtenBytes: 110_000_000)
        receipt.deployerBytes = 21_000
        return receipt
    }

    private func withReceipts(
        _ receipts: [Receipt],
        garbage: String = "",
        _ body: (([String]) async throws -> CommandOutcome) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let state = directory.path("state")
            let file = try directory.write("[server]\nstate = \"\(state)\"\n", to: "firn.toml")
            let book = ReceiptBook(state: state)
            for receipt in receipts {
                try book.append(receipt, of: try HostName(parsing: receipt.host))
            }
            if !garbage.isEmpty {
                try directory.write(garbage, to: "state/receipts/samsung.old.jsonl")
            }
            try await body { arguments in
                try await Command(
                    FirnServer.programme,
                    ["report", "--config", file] + arguments
                ).run(deadline: .seconds(60))
            }
        }
    }
}
