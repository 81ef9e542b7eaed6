// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import FirnTestSupport
import Foundation
import Testing

/// `firn explain` against a server whose answers are written here.
@Suite struct ExplainCommandTests {
    private static let hash = "00000000000000000000000000000abc"
    private static let base = "\(hash)-hello-2.12"
    private static let tiers = #"""
        "tiers":[{"live":{"outcome":"absent","took-ms":0.05},"name":"store"},\#
        {"live":{"outcome":"found","signed-by":["p620-1","b-1"],"took-ms":1.5,\#
        "url":"http://p620.lan:5000/nar/x.nar.zst"},\#
        "name":"p620","remembered":{"age-ms":12000,"outcome":"absent"}},\#
        {"live":{"outcome":"failed","reason":"timed out","took-ms":2000},"name":"nixos"},\#
        {"live":{"outcome":"skipped","reason":"its circuit is open"},"name":"team"}]
        """#
    private static let found = #"""
        {"answer":{"compression":"zstd","file-bytes":50000,"nar-bytes":200000,"tier":"p620",\#
        "url":"nar/x.nar.zst"},"path":"\#(base)","summary":"p620 has it.",\#(tiers)}
        """#
    private static let absent =
        #"{"path":"\#(hash)","summary":"No tier has it; team was not asked.",\#(tiers)}"#

    private static func explain(
        _ path: String,
        _ arguments: [String] = [],
        answer: String = found
    ) async throws -> (outcome: CommandOutcome, targets: [String]) {
        try await withScriptedServer { _ in
            .json(answer)
        } _: { server in
            let outcome = try await firn(["explain", path, "--url", server.url] + arguments)
            return (outcome, server.requests.map(\.target))
        }
    }

    @Test func eachTiersAnswerIsShownWithItsReason() async throws {
        let explanation = try await Self.explain(Self.hash).outcome.requireSuccess()
        #expect(explanation.errors.isEmpty)
        #expect(
            explanation.text == """
                \(Self.base)
                p620 has it.
                  nar/x.nar.zst
                  from p620, compression zstd, 200 kB unpacked, 50 kB to fetch

                TIER   NOW         TOOK  REMEMBERED
                store  absent   0.05 ms  -
                p620   found *   1.5 ms  absent, 12 s ago
                    http://p620.lan:5000/nar/x.nar.zst
                    signed by p620-1, b-1
                nixos  failed     2.0 s  -
                    timed out
                team   skipped        -  -
                    its circuit is open
                """
        )
    }

    @Test func aPathThatNobodyHasIsOne() async throws {
        let explanation = try await Self.explain(Self.hash, answer: Self.absent).outcome
        #expect(explanation.status == 1)
        #expect(explanation.errors == "firn: \(Self.hash): no tier has it\n")
        #expect(explanation.lines.dropFirst().first == "No tier has it; team was not asked.")
        let json = try await Self.explain(Self.hash, ["--json"], answer: Self.absent).outcome
        #expect(json.status == 1)
        #expect(json.text == Self.absent)
    }

    @Test(arguments: [
        hash, base, "/nix/store/\(base)", "/nix/store/\(base)/bin/hello", "\(hash).narinfo",
        "/mnt/other/nix/store/\(base)/", "/nix/store/\(base).drv",
    ])
    func thePathIsNamedInManyWays(_ path: String) async throws {
        let (outcome, targets) = try await Self.explain(path)
        try outcome.requireSuccess()
        #expect(targets == ["/api/v1/explain/\(Self.hash)"])
    }

    /// The path need not be there, and often it is just what is missing.
    @Test func linksAreFollowed() async throws {
        try await withTemporaryDirectory { folder in
            let manager = FileManager.default
            let link = { (name: String, target: String) in
                try manager.createSymbolicLink(
                    atPath: folder.path(name),
                    withDestinationPath: target
                )
                return folder.path(name)
            }
            let result = try link("result", "/nix/store/\(Self.base)")
            let relative = try link("relative", "result")
            try folder.makeDirectory("store/\(Self.base)/bin")
            let real = try link("real", "store/\(Self.base)")
            for path in [result, relative, real, "\(real)/bin"] {
                let (outcome, targets) = try await Self.explain(path)
                try outcome.requireSuccess()
                #expect(targets == ["/api/v1/explain/\(Self.hash)"], "\(path)")
            }
            let loop = try link("loop", "loop")
            #expect(try await Self.explain(loop).outcome.status == 2)
        }
    }

    @Test(arguments: ["", "hello", "./nothing-there", "/etc", "\(hash)x", "e\(hash.dropFirst())"])
    func whatIsNoPathIsTwo(_ path: String) async throws {
        let (outcome, targets) = try await Self.explain(path)
        #expect(outcome.status == 2)
        #expect(
            outcome.errors
                == "firn: \"\(path)\" is neither a store path, nor a link to one, nor a hash\n"
        )
        #expect(targets.isEmpty)
    }

    @Test func nobodyThereIsFive() async throws {
        try await withTemporaryDirectory { folder in
            let url = "unix:\(folder.path("socket"))"
            let explanation = try await firn(["explain", Self.hash, "--url", url])
            #expect(explanation.status == 5)
            #expect(
                explanation.errors.hasPrefix(
                    "firn: \(url): no Firn is running there: no such file or directory"
                )
            )
        }
    }
}
