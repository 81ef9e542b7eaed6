// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import FirnTestSupport
import Foundation
import Testing

/// `firn status` against a server whose answers are written here.
@Suite struct StatusCommandTests {
    private static func report() -> StatusReport {
        StatusReport(
            version: "0.1.0",
            node: "3f9a",
            startedAt: Timestamp(Date(timeIntervalSinceNow: -7_300)),
            storeDirectory: "/nix/store",
            priority: 30,
            store: StatusReport.Store(hits: 1_234, misses: 66),
            depot: StatusReport.Depot(
                location: "/var/lib/firn/depot",
                objects: 1_204,
                storedBytes: 12_300_000_000,
                pendingBytes: 0,
                maximumBytes: 100_000_000_000,
                hits: 300,
                misses: 4
            ),
            tiers: [p620, nixos],
            transfers: [
                StatusReport.Transfer(
                    nar: "nar/00000000000000000000000000000abc-0.nar.zst",
                    tier: "nixos",
                    receivedBytes: 123_000_000,
                    sizeBytes: 1_000_000_000,
                    readers: 3
                )
            ]
        )
    }

    private static let p620 = StatusReport.Tier(
        name: "p620",
        state: .up,
        latency: Milliseconds(.microseconds(1_234)),
        isFirn: true,
        lastFailure: "connection refused",
        requests: 1_500,
        failures: 2,
        narBytes: 98_700_000_000,
        hits: 1_200,
        misses: 300,
        addresses: [
            StatusReport.Address(
                url: "http://p620.lan:5000",
                isChosen: true,
                state: .up,
                latency: Milliseconds(.microseconds(1_234)),
                lastFailure: nil
            ),
            StatusReport.Address(
                url: "http://p620.example.ts.net:5000",
                isChosen: false,
                state: .down,
                latency: nil,
                lastFailure: "connection refused"
            ),
        ]
    )

    private static let nixos = StatusReport.Tier(
        name: "nixos",
        state: .resting,
        latency: nil,
        isFirn: false,
        lastFailure: "status 503\u{1B}[31m",
        requests: 0,
        failures: 0,
        narBytes: 0,
        hits: 0,
        misses: 0,
        addresses: []
    )

    private static func serving<Value>(
        _ report: StatusReport = report(),
        unixPath: String? = nil,
        _ body: (ScriptedServer) async throws -> Value
    ) async throws -> Value {
        let json = String(decoding: try FirnJSON.write(report), as: UTF8.self)
        return try await withScriptedServer(unixPath: unixPath) {
            $0.target == "/api/v1/status" ? .json(json) : .notFound
        } _: {
            try await body($0)
        }
    }

    @Test func thePageFitsAnOldTerminal() async throws {
        try await Self.serving { server in
            let status = try await firn(["status", "--url", server.url]).requireSuccess()
            #expect(status.errors.isEmpty)
            let expected = """
                Firn 0.1.0 at \(server.url), up for 2 h
                node 3f9a, store /nix/store, priority 30

                OWN     HITS  MISSES  RATIO
                store  1,234      66   95 %
                depot    300       4   99 %  12 GB of 100 GB (12 %), 1,204 objects
                       /var/lib/firn/depot

                TIER   STATE    LATENCY   HITS  MISSES  RATIO  ASKED  FAILED   NARS
                p620   up        1.2 ms  1,200     300   80 %  1,500       2  99 GB
                  * http://p620.lan:5000 (up 1.2 ms, a Firn)
                    http://p620.example.ts.net:5000 (down)
                      last failure: connection refused
                nixos  resting        -      0       0      -      0       0    0 B
                    last failure: status 503 [31m

                RECEIVED                    READERS  FROM   TRANSFER
                  123 MB  of 1.0 GB (12 %)        3  nixos  0000000000000000…
                """
            let lines = status.text.split(separator: "\n", omittingEmptySubsequences: false)
            let wanted = expected.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines == wanted)
            #expect(lines.allSatisfy { $0.count <= 80 && !$0.hasSuffix(" ") })
        }
    }

    @Test func aDaemonWithNothingBehindItSaysSo() async throws {
        var report = Self.report()
        (report.depot, report.tiers, report.transfers) = (nil, [], [])
        try await Self.serving(report) { server in
            let status = try await firn(["status", "--url", server.url]).requireSuccess()
            #expect(status.text.contains("\ndepot                        none\n"))
            #expect(status.text.hasSuffix("no tiers: nothing is fetched from other caches"))
        }
    }

    @Test func jsonIsWhatTheDaemonSent() async throws {
        let json = String(decoding: try FirnJSON.write(Self.report()), as: UTF8.self)
            .replacing("{\"depot\"", with: "{\"from-the-future\":1,\n\"depot\"")
        try await withScriptedServer { _ in
            .json(json)
        } _: { server in
            let status = try await firn(["status", "--json", "--url", server.url])
            try status.requireSuccess()
            #expect(status.text == json.replacing("\n", with: ""))
        }
    }

    @Test func theDaemonIsFoundThroughTheConfiguration() async throws {
        try await withTemporaryDirectory { folder in
            try await Self.serving(unixPath: folder.path("socket")) { _ in
                let file = try folder.write(
                    "[server]\nlisten = [\"unix:socket\", \"[::]:1\"]\n",
                    to: "firn.toml"
                )
                try await firn(["status", "--config", file]).requireSuccess()
                let environment = ["FIRN_LISTEN": "unix:\(folder.path("socket"))"]
                try await firn(["status"], environment: environment).requireSuccess()
            }
            try await Self.serving { server in
                let port = server.url.split(separator: ":").last ?? ""
                let environment = ["FIRN_LISTEN": "[::]:\(port)"]
                let status = try await firn(["status"], environment: environment)
                try status.requireSuccess()
                #expect(status.text.contains("at http://127.0.0.1:\(port), up"))
            }
        }
    }

    @Test(arguments: [
        (["--url", "p620:5000"], "--url: \"p620:5000\" starts with neither http:// nor https://"),
        (["--url", "unix:"], "--url: \"unix:\" has a path that no socket can have"),
        (["--url", "http://me:pw@h"], "--url: \"…\" has a user name or password in it"),
        (["--config", "/gone.toml"], "/gone.toml: there is no such file, but --config names it"),
        (["stray"], "Unexpected argument 'stray'"),
    ])
    func aMistakeIsOneLineAndTwo(_ arguments: [String], _ start: String) async throws {
        let status = try await firn(["status"] + arguments)
        #expect(status.status == 2)
        #expect(status.errors.hasPrefix("firn: \(start)"), "\(status.errors)")
        #expect(status.errors.split(separator: "\n").count == 1)
        #expect(status.output.isEmpty)
    }

    @Test func aPortThatTheKernelChoosesIsNotGuessed() async throws {
        let status = try await firn(["status"], environment: ["FIRN_LISTEN": "[::]:0"])
        #expect(status.status == 2)
        #expect(status.errors.contains("does not tell where [::]:0 is; name it with --url"))
    }

    @Test func nobodyThereIsFive() async throws {
        let url = try await Self.serving { $0.url }
        for arguments in [["--url", url], ["--url", url, "--watch"], ["--url", url, "--json"]] {
            let status = try await firn(["status"] + arguments)
            #expect(status.status == 5)
            #expect(
                status.errors == "firn: \(url): no Firn is running there: connection refused; "
                    + "start it with firn serve\n"
            )
            #expect(status.output.isEmpty)
        }
    }

    @Test func aServerThatIsNoFirnIsFive() async throws {
        try await withScriptedServer { _ in
            .notFound
        } _: { server in
            let status = try await firn(["status", "--url", server.url])
            #expect(status.status == 5)
            #expect(status.errors == "firn: \(server.url): what answers there is not Firn\n")
        }
    }

    @Test func watchingWithoutATerminalIsALineEachTime() async throws {
        try await Self.serving { server in
            try await withTemporaryDirectory { folder in
                let script = "\"$0\" status --watch --url \(server.url) | head -n 2"
                let shell = Command("/bin/sh", ["-c", script, FirnServer.programme])
                let watch = try await shell.run(deadline: .seconds(60)).requireSuccess()
                #expect(watch.lines.count == 2)
                for line in watch.lines {
                    let words =
                        "Z  store 1234/66  depot 300/4  12 GB  p620 up 1.2 ms 1200/300  "
                        + "nixos resting 0/0  transfers 1"
                    #expect(line.hasSuffix(words))
                }
                #expect(watch.errors.isEmpty)
            }
        }
    }

    /// `script` runs it on a terminal of its own.
    @Test func aTerminalGetsColourAndAPageThatIsDrawnAnew() async throws {
        try await Self.serving { server in
            let words = "\(FirnServer.programme) status --watch --url \(server.url)"
            var command = Command("script", ["-qefc", words, "/dev/null"])
            command.environment["TERM"] = "xterm"
            let output = try await onTerminal(command) { $0.count(of: "\u{1B}[H") >= 2 }
            #expect(output.contains("\u{1B}[32mup\u{1B}[0m"))
            #expect(output.contains("\u{1B}[K\r\n"))
            #expect(!output.contains("503\u{1B}"))
            command.environment["NO_COLOR"] = "1"
            let plain = try await onTerminal(command) { $0.count(of: "\u{1B}[H") >= 2 }
            #expect(!plain.contains("\u{1B}[32m"))
        }
    }

    /// Runs a command until what it printed is enough, and then ends it.
    private func onTerminal(
        _ command: Command,
        until isEnough: (String) -> Bool
    ) async throws -> String {
        try await withTemporaryDirectory { folder in
            let path = try folder.write("", to: "output")
            let output = try FileHandle(forUpdating: URL(filePath: path))
            let process = try command.start(output: output, errors: output)
            defer { process.send(signal: SIGKILL) }
            try await wait(for: "two pages") {
                isEnough(try String(contentsOfFile: path, encoding: .utf8))
            }
            process.send(signal: SIGTERM)
            _ = try await process.exitStatus(within: .seconds(20))
            return try String(contentsOfFile: path, encoding: .utf8)
        }
    }
}

extension String {
    fileprivate func count(of part: String) -> Int { ranges(of: part).count }
}
