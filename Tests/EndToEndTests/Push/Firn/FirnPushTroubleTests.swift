// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension PushSuites {
    /// What goes wrong on the way to a named cache, and what a user is told.
    @Suite struct FirnPushTroubleTests {
        private let source: PushSource

        init() throws {
            source = try PushSource.prepared()
        }

        @Test func whoMayNotPushIsToldSo() async throws {
            try await withTeamCache { team in
                let puller = try await team.administration.token("team", "pull")
                let stranger = try await team.administration.token("other", "push")
                let base = team.server.url
                let cases = [("team", puller), ("team", stranger), ("nowhere", stranger)]
                for (name, token) in cases {
                    let url = "\(base)/\(name)"
                    let outcome = try await team.push(source, to: url, token, [source.lone])
                    #expect(outcome.status == 4, "\(name): \(outcome.errors)")
                    #expect(outcome.errors.contains(name))
                }
                let outcome = try await team.command(
                    source,
                    ["push", "nowhere", "--config", team.server.configurationPath, source.lone],
                    nil
                ).run(deadline: .seconds(30))
                #expect(outcome.status == 4)
                #expect(outcome.errors.contains("has no cache nowhere"))
                #expect(try await !team.has(source.lone))
            }
        }

        @Test func aDaemonThatIsNotThereIsSaidToBeNone() async throws {
            try await withTemporaryDirectory { directory in
                let state = "[server]\nstate = \"\(directory.path)\"\n"
                let path = try directory.write(state, to: "firn.toml")
                let outcome = try await PushSource.firn([
                    "push", "team", source.lone, "--config", path, "--store", source.store.root,
                ])
                #expect(outcome.status == 5)
                #expect(outcome.errors.contains("no Firn is running here"))
            }
        }

        @Test func anotherServerIsSaidToBeNoFirn() async throws {
            try await withScriptedServer { _ in
                .notFound
            } _: { server in
                var command = Command(
                    FirnServer.programme,
                    ["push", "\(server.url)/team", source.lone, "--store", source.store.root]
                )
                command.environment["HOME"] = "/nonexistent"
                command.environment["FIRN_TOKEN"] = "firn_" + String(repeating: "0", count: 64)
                let outcome = try await command.run(deadline: .seconds(30))
                #expect(outcome.status != 0)
                #expect(!outcome.errors.isEmpty)
            }
        }

        /// Its parts travel at the same time, and each may be the one that is refused.
        @Test func aPathThatIsLargerThanTheQuotaFailsAlone() async throws {
            try await withTeamCache(create: ["--public", "--quota", "1MB"]) { team in
                let outcome = try await team.push(source, [source.large, source.lone])
                #expect(outcome.status == 3, "\(outcome.errors)")
                #expect(outcome.errors.contains(source.large))
                #expect(outcome.errors.contains("quota"))
                #expect(try await !team.has(source.large))
                #expect(try await team.has(source.lone))
            }
        }

        @Test func aQuotaThatNothingFitsInEndsThePush() async throws {
            try await withTeamCache(create: ["--public", "--quota", "1B"]) { team in
                let outcome = try await team.push(source, [source.lone])
                #expect(outcome.status == 4, "\(outcome.errors)")
                #expect(outcome.errors.contains("quota"))
                #expect(try await !team.has(source.lone))
            }
        }

        @Test func aNARThatIsTooLargeForTheCacheIsRefusedByThePlan() async throws {
            try await withTeamCache(create: ["--public", "--max-nar-size", "5MB"]) { team in
                let paths = [source.large, source.lone]
                let plan = try await team.push(source, paths + ["--dry-run"]).requireSuccess()
                let start = "skip  \(source.large)  (refused because "
                #expect(plan.lines.contains { $0.hasPrefix(start) })
                let outcome = try await team.push(source, paths)
                #expect(outcome.status == 3)
                #expect(outcome.errors.contains("\(source.large): refused because"))
                #expect(try await !team.has(source.large))
                #expect(try await team.has(source.lone))
            }
        }

        @Test func aDamagedPathIsNotSent() async throws {
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                let leaf = try paths.named("link-0")
                let own = PushSource(
                    store: store,
                    top: leaf,
                    paths: [leaf],
                    lone: leaf,
                    large: leaf
                )
                let file = "\(store.location(of: leaf))/share/doc/README"
                let script = "chmod u+w \(file); echo damage 0 > \(file)"
                try await Command("/bin/sh", ["-c", script]).run(deadline: .seconds(60))
                    .requireSuccess()
                try await withTeamCache { team in
                    let outcome = try await team.push(own, [leaf])
                    #expect(outcome.status == 3)
                    #expect(outcome.errors.contains("its files are damaged"))
                    #expect(try await !team.has(leaf))
                }
            }
        }
    }
}
