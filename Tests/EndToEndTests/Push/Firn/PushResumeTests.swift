// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension PushSuites {
    /// Large paths: what has arrived is not sent again, whoever is killed.
    @Suite struct PushResumeTests {
        private static let sizeBytes = 60_000_000
        private static let partBytes = 8 << 20
        /// Heads of requests, and what is asked besides.
        private static let slackBytes = 200_000

        /// A store with one path whose bytes do not compress.
        private func withLargePath(
            sizeBytes: Int = sizeBytes,
            _ body: (PushSource) async throws -> Void
        ) async throws {
            try await withNixStore { store in
                let big = try await store.build(
                    """
                    derivation {
                      name = "big";
                      system = builtins.currentSystem;
                      builder = "/bin/sh";
                      args = [ "-euc" "head -c \(sizeBytes) /dev/urandom > $out" ];
                      PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
                    }
                    """
                )[0]
                try await body(
                    PushSource(store: store, top: big, paths: [big], lone: big, large: big)
                )
            }
        }

        private func expectWhole(_ path: String, _ team: TeamCache, at url: String) async throws {
            try await withClient(.installed) { home in
                home.use(cache: "\(url)/team", trusting: team.publicKey)
                try await home.run("nix-store", ["--realise", path]).requireSuccess()
            }
        }

        @Test func aSenderThatWasKilledSendsAtMostOnePartAgain() async throws {
            try await withLargePath { source in
                try await withTeamCache { team in
                    let token = try await team.administration.token("team", "push")
                    try await PushRelay.run(to: team.server.port) { relay in
                        relay.hold(afterBytes: Self.sizeBytes / 2)
                        let url = "\(relay.url)/team"
                        let first = try team.command(source, ["push", url, source.large], token)
                            .start(output: .nullDevice, errors: .nullDevice)
                        try await wait(for: "half of it", within: .seconds(60)) { relay.isHolding }
                        first.send(signal: SIGKILL)
                        _ = try await first.exitStatus(within: .seconds(60))
                        relay.release()
                        relay.cut()
                        #expect(try await !team.has(source.large))
                        try await team.push(source, to: url, token, [source.large])
                            .requireSuccess()
                        let most = Self.sizeBytes + Self.partBytes + Self.slackBytes
                        #expect(relay.forwardedBytes < most, "\(relay.forwardedBytes)")
                    }
                    try await expectWhole(source.large, team, at: team.server.url)
                }
            }
        }

        @Test func aServerThatWasKilledIsNotSentWhatItHas() async throws {
            try await withLargePath { source in
                try await withTeamCache { team in
                    let token = try await team.administration.token("team", "push")
                    try await PushRelay.run(to: team.server.port) { relay in
                        relay.hold(afterBytes: Self.sizeBytes / 2)
                        let url = "\(relay.url)/team"
                        let push = try team.command(source, ["push", url, source.large], token)
                            .start(output: .nullDevice, errors: .nullDevice)
                        try await wait(for: "half of it", within: .seconds(60)) { relay.isHolding }
                        try await team.server.kill()
                        try await withServer(team.setup) { second in
                            relay.release()
                            relay.cut(andLeadTo: second.port)
                            #expect(try await push.exitStatus(within: .seconds(120)) == 0)
                            // What the kernel had taken for the server is lost with it.
                            let most = Self.sizeBytes + Self.partBytes + Self.slackBytes
                            #expect(relay.forwardedBytes < most, "\(relay.forwardedBytes)")
                            try await expectWhole(source.large, team, at: second.url)
                        }
                    }
                }
            }
        }

        /// Every request fits through a proxy that takes 32 MiB.
        @Test func aLargePathPassesThroughNginx() async throws {
            try await withLargePath(sizeBytes: 200_000_000) { source in
                try await withTeamCache { team in
                    let token = try await team.administration.token("team", "push")
                    try await withNginx(
                        server: """
                            client_max_body_size 32m;
                            location / { proxy_pass http://127.0.0.1:\(team.server.port); }
                            """,
                        in: team.directory
                    ) { port in
                        let url = "http://127.0.0.1:\(port)/team"
                        let outcome = try await team.push(source, to: url, token, [source.large])
                            .requireSuccess()
                        #expect(outcome.text.hasPrefix("sent 1 of 1 paths"))
                    }
                    try await expectWhole(source.large, team, at: team.server.url)
                }
            }
        }

        /// A killed push of many paths keeps what had become visible.
        @Test func whatWasThereBeforeAKillIsNotSentAgain() async throws {
            let source = try PushSource.prepared()
            try await withTeamCache { team in
                let token = try await team.administration.token("team", "push")
                try await PushRelay.run(to: team.server.port) { relay in
                    let url = "\(relay.url)/team"
                    let leaf = try source.path("link-3")
                    try await team.push(source, to: url, token, [leaf]).requireSuccess()
                    relay.hold(afterBytes: relay.forwardedBytes + 20_000)
                    let first = try team.command(source, ["push", url, source.top], token)
                        .start(output: .nullDevice, errors: .nullDevice)
                    try await wait(for: "some of it", within: .seconds(60)) { relay.isHolding }
                    first.send(signal: SIGKILL)
                    _ = try await first.exitStatus(within: .seconds(60))
                    relay.release()
                    relay.cut()
                    #expect(try await team.has(leaf))
                    try await team.push(source, to: url, token, [source.top]).requireSuccess()
                    for path in source.paths { #expect(try await team.has(path), "\(path)") }
                }
            }
        }
    }
}
