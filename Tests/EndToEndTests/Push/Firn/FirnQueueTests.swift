// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

extension PushSuites {
    /// The queue and the watch, with a cache of a Firn at their end.
    @Suite struct FirnQueueTests {
        private func withSite(
            _ body: (TeamCache, TemporaryNixStore, _ firn: (String, [String]) throws -> Command)
                async throws -> Void
        ) async throws {
            try await withTeamCache { team in
                let token = try await team.administration.token("team", "push")
                try await withNixStore { store in
                    try await store.initialise()
                    try await body(team, store) { name, arguments in
                        let url = "\(team.server.url)/team"
                        var command = Command(
                            FirnServer.programme,
                            [name, url, "--store", store.root] + arguments
                        )
                        command.environment["HOME"] = "/nonexistent"
                        command.environment["FIRN_TOKEN"] = token
                        command.environment["FIRN_STATE"] = team.directory.path("queue")
                        return command
                    }
                }
            }
        }

        private static func expression(_ name: String) -> String {
            """
            let
              build = name: script: derivation {
                inherit name;
                system = builtins.currentSystem;
                builder = "/bin/sh";
                args = [ "-euc" script ];
              };
              needed = build "\(name)-needed" "echo \(name) > $out";
            in build "\(name)" "echo ${needed} > $out"
            """
        }

        @Test func whatTheHookHasQueuedIsThereWhenWaitingEnds() async throws {
            try await withSite { team, store, firn in
                let hook = team.directory.path("hook")
                try await firn("hook", ["--install", hook]).run(deadline: .seconds(60))
                    .requireSuccess()
                let built = try await store.build(
                    Self.expression("hooked"),
                    settings: ["post-build-hook = \(hook)"]
                )[0]
                #expect(try await !team.has(built))
                try await firn("hook", ["--wait", "60s"]).run(deadline: .seconds(90))
                    .requireSuccess()
                for path in try await store.closure(of: [built]) {
                    #expect(try await team.has(path), "\(path)")
                }
            }
        }

        @Test func aWatchSendsWhatIsBuilt() async throws {
            try await withSite { team, store, firn in
                let watch = try firn("watch-store", [])
                    .start(output: .nullDevice, errors: .nullDevice)
                defer { watch.send(signal: SIGKILL) }
                // One that came before the watch would never be sent: so many are built.
                var number = 0
                try await wait(for: "a path that was built", within: .seconds(60)) {
                    number += 1
                    let built = try await store.build(Self.expression("watched-\(number)"))[0]
                    try await Task.sleep(for: .milliseconds(500))
                    return try await team.has(built)
                }
                watch.send(signal: SIGTERM)
                #expect(try await watch.exitStatus(within: .seconds(20)) == 0)
            }
        }
    }
}
