// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

/// `firn gc` against a control socket whose answers are written here.
@Suite struct GCCommandTests {
    private static func report(isDryRun: Bool) -> String {
        #"""
        {"dry-run":\#(isDryRun),"freed-bytes":123000000,"objects":[\#
        {"name":"abc-def.nar.zst","size-bytes":120000000},\#
        {"name":"ghi-jkl.nar.zst","size-bytes":3000000,"used-at":"2026-01-01T00:00:00Z"}]}
        """#
    }

    private static func collect(
        _ arguments: [String],
        reply: ScriptedServer.Reply
    ) async throws -> (outcome: CommandOutcome, requests: [ScriptedServer.Request]) {
        try await withTemporaryDirectory { folder in
            try await withScriptedServer(unixPath: folder.path("control.sock")) { _ in
                reply
            } _: { server in
                let environment = ["FIRN_STATE": folder.path]
                let outcome = try await firn(["gc"] + arguments, environment: environment)
                return (outcome, server.requests)
            }
        }
    }

    @Test func aDryRunNamesWhatWouldGo() async throws {
        let (outcome, requests) = try await Self.collect(
            ["--dry-run", "--down-to", "20GB"],
            reply: .json(Self.report(isDryRun: true))
        )
        try outcome.requireSuccess()
        #expect(requests.map { "\($0.method) \($0.target)" } == ["POST /api/v1/collect"])
        #expect(
            requests.map { String(decoding: $0.body, as: UTF8.self) }
                == [#"{"down-to-bytes":20000000000,"dry-run":true}"#]
        )
        let lines = outcome.text.split(separator: "\n", omittingEmptySubsequences: false)
        try #require(lines.count == 5)
        #expect(lines[0] == "SIZE  LAST SENT  OBJECT")
        #expect(lines[1].hasSuffix("never      abc-def.nar.zst"))
        #expect(lines[2].contains(" d ago ") && lines[2].hasSuffix("  ghi-jkl.nar.zst"))
        #expect(lines[4] == "123 MB would be freed, 2 objects")
    }

    @Test func aCollectionTellsTheSum() async throws {
        let (outcome, requests) = try await Self.collect(
            [],
            reply: .json(Self.report(isDryRun: false))
        )
        try outcome.requireSuccess()
        #expect(outcome.text == "123 MB freed, 2 objects")
        #expect(
            requests.map { String(decoding: $0.body, as: UTF8.self) } == [#"{"dry-run":false}"#]
        )
    }

    @Test func aDaemonThatFailsIsOne() async throws {
        let reply = ScriptedServer.Reply.answer(
            status: 503,
            type: "text/plain",
            body: "the depot does not answer\n"
        )
        let outcome = try await Self.collect([], reply: reply).outcome
        #expect(outcome.status == 1)
        #expect(outcome.errors.hasSuffix("it failed with 503: the depot does not answer\n"))
        #expect(outcome.output.isEmpty)
    }

    @Test func nobodyThereIsFive() async throws {
        let outcome = try await firn(["gc"], environment: ["FIRN_STATE": "/nonexistent"])
        #expect(outcome.status == 5)
        #expect(
            outcome.errors.hasPrefix(
                "firn: unix:/nonexistent/control.sock: no Firn is running there: no such file"
            )
        )
    }

    @Test(arguments: ["5", "5gb", "much", "-1GB"])
    func aSizeThatIsNoneIsTwo(_ size: String) async throws {
        let outcome = try await firn(["gc", "--down-to=\(size)"])
        #expect(outcome.status == 2)
        #expect(
            outcome.errors.hasPrefix(
                "firn: --down-to takes a size such as \"5GB\" or \"5GiB\": \"\(size)\" "
            ),
            "\(outcome.errors)"
        )
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }
}
