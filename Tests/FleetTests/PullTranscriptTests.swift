// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Fleet
import Foundation
import NixFormat
import Testing

/// What a host says is believed as far as it makes sense, and no further.
@Suite struct PullTranscriptTests {
    /// Prints the same lines whatever it is asked.
    private struct CannedShell: RemoteShell {
        let hostName = "canned"
        var lines: [String]
        var errors = ""
        var exitCode: Int32 = 0

        func run(_ request: RemoteRequest) async throws -> RemoteAnswer {
            RemoteAnswer(
                exitCode: exitCode,
                output: Array(lines.map { "\($0)\n" }.joined().utf8),
                errors: Array(errors.utf8)
            )
        }
    }

    private static let path = "6ybai44dgx2bnz7f2xfm1hsa5hpfw92p-hello-2.12"

    private func pull(_ shell: CannedShell, agent: Bool = false) async throws -> PullReport {
        var request = PullRequest(
            try StorePath(parsing: Self.path),
            from: [
                try PullTier(name: "p620", addresses: ["http://p620:5000"], publicKeys: []),
                try PullTier(name: "nixos", addresses: ["https://nixos"], publicKeys: []),
            ],
            deadline: .seconds(60)
        )
        if agent { request.agentAddress = "http://127.0.0.1:5000" }
        return try await Pull(on: shell).run(request)
    }

    @Test func linesThatAreNoneAndNumbersThatAreNoneChangeNothing() async throws {
        let report = try await pull(
            CannedShell(lines: [
                "", "firn", "motd: welcome", "firn use 7 http://x", "firn use x y", "firn share",
                "firn use 0 http://p620:5000", "firn share 0 -1 9 9", "firn share 0 2 9 9",
                "firn share 9 2 9 9", "firn why 0 absent many", "firn miss - ../../x 0 absent",
                "firn miss 1 \(Self.path) 0 made-up words", "firn cpu nan", "firn written -3",
                "firn status before {}", "firn explain [", "firn lacking x", "firn done",
            ])
        )
        #expect(report.tiers.map(\.paths) == [2, 0])
        #expect(report.tiers.map(\.address) == ["http://p620:5000", nil])
        #expect(report.misses.map(\.path) == [Self.path])
        let reason = try #require(report.misses.first?.reasons.first)
        #expect(reason.kind == .unrecognised("made-up") && reason.detail == "words")
        #expect(report.use == nil)
    }

    @Test func noReportIsNoSuccess() async throws {
        await #expect {
            try await pull(CannedShell(lines: [], errors: "sh: not found\n", exitCode: 127))
        } throws: { error in
            guard case .garbled(let text) = error as? PullFailure else { return false }
            return text == "exit code 127: sh: not found"
        }
        await #expect {
            try await pull(CannedShell(lines: ["firn trouble Nix is not in /bin"], exitCode: 1))
        } throws: { error in
            "\(error)" == "Nix is not in /bin"
        }
    }

    @Test func aFullDiskIsTheHostsOwnTrouble() async throws {
        await #expect {
            try await pull(
                CannedShell(lines: [
                    "firn use 0 http://p620:5000", "firn lacking 1",
                    "firn problem writing to file: No space left on device", "firn undone",
                ])
            )
        } throws: { error in
            guard case .hostTrouble(let text) = error as? PullFailure else { return false }
            return text.hasPrefix("no space is left on the host")
        }
    }

    @Test func theHostsFirnTellsWhatItsTiersGaveMeanwhile() async throws {
        let before = try status(node: "a", hits: 5, bytes: 1_000, misses: 1)
        let after = try status(node: "a", hits: 8, bytes: 9_000, misses: 2)
        let lines = [
            "firn status before \(before)", "firn use 0 http://127.0.0.1:5000",
            "firn share 0 3 20000 9000", "firn status after \(after)", "firn done",
        ]
        let report = try await pull(CannedShell(lines: lines), agent: true)
        #expect(report.tiers.map(\.name) == ["agent", "p620", "nixos"])
        let share = try #require(report.behindAgent?.first)
        #expect(share.name == "p620" && share.paths == 3 && share.wireBytes == 8_000)
        #expect(share.misses == ["absent": 1])
        // One that was started anew in between counts from the beginning.
        let anew = try status(node: "b", hits: 8, bytes: 9_000, misses: 2)
        let other = lines.map {
            $0 == "firn status after \(after)" ? "firn status after \(anew)" : $0
        }
        #expect(try await pull(CannedShell(lines: other), agent: true).behindAgent == nil)
    }

    @Test func whatDeltasSavedMeanwhileIsTold() async throws {
        func lines(_ before: StatusReport.Deltas?, _ after: StatusReport.Deltas?) throws -> [String]
        {
            [
                "firn status before \(try status(node: "a", hits: 0, bytes: 0, misses: 0, before))",
                "firn use 0 http://127.0.0.1:5000", "firn share 0 3 20000 9000",
                "firn status after \(try status(node: "a", hits: 3, bytes: 1_000, misses: 0, after))",
                "firn done",
            ]
        }
        let old = StatusReport.Deltas(used: 2, bytes: 100, ordinaryBytes: 5_000, failures: 1)
        let new = StatusReport.Deltas(used: 5, bytes: 300, ordinaryBytes: 9_000, failures: 1)
        let report = try await pull(CannedShell(lines: try lines(old, new)), agent: true)
        let deltas = PullReport.Deltas(paths: 3, wireBytes: 200, ordinaryBytes: 4_000)
        #expect(report.behindAgent?.first?.deltas == deltas)
        #expect(report.savedBytes == 3_800)
        let first = try await pull(CannedShell(lines: try lines(nil, old)), agent: true)
        #expect(first.behindAgent?.first?.deltas?.paths == 2)
        // None meanwhile, counters that went back, and a Firn that tells nothing.
        for (before, after) in [(old, old), (new, old), (old, nil)] {
            let none = try await pull(CannedShell(lines: try lines(before, after)), agent: true)
            #expect(none.behindAgent?.count == 1)
            #expect(none.savedBytes == nil)
        }
    }

    @Test func whatTheHostsFirnRemembersIsToldApartFromWhatIsAbsent() async throws {
        let explanation = ExplainReport(
            path: Self.path,
            answer: nil,
            summary: "no tier has it",
            tiers: [
                ExplainReport.Tier(
                    name: "p620",
                    remembered: .init(outcome: .absent, age: Milliseconds(.seconds(40))),
                    live: .init(outcome: .found)
                ),
                ExplainReport.Tier(
                    name: "nixos",
                    remembered: nil,
                    live: .init(outcome: .failed, reason: "connect timed out")
                ),
            ]
        )
        let json = String(decoding: try FirnJSON.write(explanation), as: UTF8.self)
        await #expect {
            try await pull(
                CannedShell(lines: [
                    "firn use 0 http://127.0.0.1:5000", "firn down 1 Couldn't connect to server",
                    "firn down 2 Timeout was reached", "firn explain \(json)",
                    "firn miss - \(Self.path) 0 absent", "firn lacking 1", "firn undone",
                ]),
                agent: true
            )
        } throws: { error in
            guard case .incomplete(let report, _) = error as? PullFailure else { return false }
            return report.misses.first?.reasons.map(\.kind) == [
                .absent, .unreachable, .timedOut, .negativelyCached, .timedOut,
            ]
        }
    }

    @Test(arguments: [
        "http://p620 5000", "http://p620/'; touch /x", "ftp://p620", "http://p620/\"", "",
    ])
    func anAddressThatWouldBeReadAsSomethingElseIsRefused(_ address: String) {
        #expect(throws: PullTier.Unusable.badAddress(tier: "p620", address: address)) {
            try PullTier(name: "p620", addresses: [address], publicKeys: [])
        }
    }

    private func status(
        node: String,
        hits: UInt64,
        bytes: UInt64,
        misses: UInt64,
        _ deltas: StatusReport.Deltas? = nil
    ) throws -> String {
        let report = StatusReport(
            version: "1",
            node: node,
            startedAt: Timestamp(.now),
            storeDirectory: "/nix/store",
            priority: 30,
            store: .init(hits: 0, misses: 0),
            depot: nil,
            tiers: [
                StatusReport.Tier(
                    name: "p620",
                    state: .up,
                    latency: nil,
                    isFirn: true,
                    lastFailure: nil,
                    requests: 9,
                    failures: 0,
                    narBytes: bytes,
                    hits: hits,
                    misses: misses,
                    addresses: [],
                    deltas: deltas
                )
            ],
            transfers: []
        )
        return String(decoding: try FirnJSON.write(report), as: UTF8.self)
    }
}
