// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Synchronization
import Testing

extension PushSuites {
    /// What is built is sent, whatever happens to whoever sends it.
    @Suite struct PushQueueTests {
        /// A store of the test's own, a folder of state, and a cache.
        private struct Site {
            let store: TemporaryNixStore
            let directory: TemporaryDirectory
            let server: CachixStandIn

            var state: String { directory.path("state") }
            var entries: String { "\(state)/push/cachix:test/new" }

            func queued() throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: entries).sorted()
            }

            func command(_ name: String, _ arguments: [String]) -> Command {
                let fixed = [name, "cachix:test", "--host", server.url, "--store", store.root]
                var command = Command(FirnServer.programme, fixed + arguments)
                command.environment["HOME"] = "/nonexistent"
                command.environment["CACHIX_AUTH_TOKEN"] = server.settings.token
                command.environment["FIRN_STATE"] = state
                return command
            }

            func firn(
                _ name: String,
                _ arguments: [String],
                environment: [String: String] = [:]
            ) async throws -> CommandOutcome {
                var command = command(name, arguments)
                command.environment.merge(environment) { $1 }
                return try await command.run(deadline: .seconds(60))
            }

            /// Runs `firn watch-store` for the time of the body, which may end it earlier.
            func watching<Value>(
                _ arguments: [String] = [],
                _ body: (RunningProcess) async throws -> Value
            ) async throws -> Value {
                let log = directory.path("watch-\(UInt32.random(in: 0 ... .max)).log")
                try Data().write(to: URL(filePath: log))
                let file = try FileHandle(forWritingTo: URL(filePath: log))
                let process = try command("watch-store", arguments)
                    .start(output: .nullDevice, errors: file)
                do {
                    try await wait(for: "start of the watch") {
                        try String(contentsOfFile: log, encoding: .utf8).contains("watching")
                    }
                    let value = try await body(process)
                    process.send(signal: SIGKILL)
                    return value
                } catch {
                    process.send(signal: SIGKILL)
                    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                    Issue.record("the watch said: \(text)")
                    throw error
                }
            }
        }

        private func withSite(
            fault: @escaping CachixStandIn.Faults = { _, _ in nil },
            _ body: (Site) async throws -> Void
        ) async throws {
            try await withTemporaryDirectory { directory in
                try await withNixStore { store in
                    try await store.initialise()
                    try await CachixStandIn.run(try PushSource.settings(), fault: fault) { server in
                        let site = Site(store: store, directory: directory, server: server)
                        try await body(site)
                        #expect(server.complaints == [])
                    }
                }
            }
        }

        /// A path and one that it needs.
        private static func expression(_ name: String, delay: Int = 0) -> String {
            """
            let
              build = name: script: derivation {
                inherit name;
                system = builtins.currentSystem;
                builder = "/bin/sh";
                args = [ "-euc" script ];
                PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
              };
              needed = build "\(name)-needed" "echo \(name) > $out";
            in build "\(name)" "sleep \(delay); echo ${needed} > $out"
            """
        }

        @Test func theHookQueuesWhatNixBuildsAndWaitingSendsIt() async throws {
            try await withSite { site in
                let hook = site.directory.path("hook")
                try await site.firn("hook", ["--install", hook]).requireSuccess()
                let built = try await site.store.build(
                    Self.expression("hooked"),
                    settings: ["post-build-hook = \(hook)"]
                )[0]
                let closure = try await site.store.closure(of: [built])
                // Nix 2.8 names the derivations only.
                #expect(try site.queued().count == closure.count)
                try await site.firn("hook", ["--wait", "30s"]).requireSuccess()
                #expect(Set(site.server.completed) == Set(closure.map(\.storeBaseName)))
                #expect(site.server.completed.count == closure.count)
                #expect(try site.queued() == [])
            }
        }

        @Test func theHookReturnsWithinTenMilliseconds() async throws {
            try await withSite { site in
                let hook = site.directory.path("hook")
                try await site.firn("hook", ["--install", hook]).requireSuccess()
                let path = "/nix/store/\(String(repeating: "a", count: 32))-some"
                var command = Command(hook, [])
                command.environment["OUT_PATHS"] = "\(path) \(path)-dev \(path)-doc"
                var times: [Duration] = []
                for _ in 0..<30 {
                    let start = ContinuousClock.now
                    let process = try command.start(output: .nullDevice, errors: .nullDevice)
                    while process.exitStatus == nil {
                        try await Task.sleep(for: .microseconds(200))
                    }
                    times.append(ContinuousClock.now - start)
                    #expect(process.exitStatus == 0)
                }
                // The quickest: others that the machine runs have nothing to do with it.
                #expect(try #require(times.min()) < .milliseconds(10))
                #expect(try site.queued().count == 3)
            }
        }

        @Test func theHookNeverFailsABuild() async throws {
            try await withSite { site in
                let hook = site.directory.path("hook")
                try await site.firn("hook", ["--install", hook]).requireSuccess()
                try FileManager.default.removeItem(atPath: site.state)
                try site.directory.write("no folder", to: "state")
                let settings = ["post-build-hook = \(hook)"]
                try await site.store.build(Self.expression("unhooked"), settings: settings)
                let outputs = ["OUT_PATHS": "/nix/store/\(String(repeating: "a", count: 32))-x"]
                let outcome = try await site.firn("hook", [], environment: outputs)
                #expect(outcome.status == 0)
                #expect(outcome.errors.contains("not queued for cachix:test"))
                let wrong = try await site.firn("hook", [])
                #expect(wrong.status == 2)
            }
        }

        @Test func aWatchSendsWhatIsBuiltAlsoWhatCameWhileItWasKilled() async throws {
            try await withSite { site in
                let first = try await site.watching { process in
                    let built = try await site.store.build(Self.expression("first"))[0]
                    try await wait(for: "first path") {
                        site.server.completed.contains(built.storeBaseName)
                    }
                    process.send(signal: SIGKILL)
                    return built
                }
                let second = try await site.store.build(Self.expression("second"))[0]
                try await site.watching { _ in
                    try await wait(for: "second path") {
                        site.server.completed.contains(second.storeBaseName)
                    }
                    try await wait(for: "empty queue") { try site.queued().isEmpty }
                }
                let closure = try await site.store.closure(of: [first, second])
                #expect(Set(site.server.completed) == Set(closure.map(\.storeBaseName)))
                #expect(site.server.completed.count == closure.count)
            }
        }

        @Test func aWatchEndsWellWhenItIsToldTo() async throws {
            try await withSite { site in
                let status = try await site.watching { process in
                    process.send(signal: SIGTERM)
                    return try await process.exitStatus(within: .seconds(60))
                }
                #expect(status == 0)
            }
        }

        @Test func aWatchKilledInTheMiddleSendsTheRestAfterwards() async throws {
            let fault: CachixStandIn.Faults = { call, _ in
                call.target.contains("/complete") ? .delay(.milliseconds(300)) : nil
            }
            try await withSite(fault: fault) { site in
                let built = try await site.watching(["--jobs", "1"]) { process in
                    let built = try await site.store.buildSmall()
                    try await wait(for: "some paths") { site.server.completed.count >= 3 }
                    process.send(signal: SIGKILL)
                    return built
                }
                #expect(site.server.completed.count < built.count)
                try await site.watching { _ in
                    try await wait(for: "all paths", within: .seconds(60)) {
                        try site.server.completed.count >= built.count && site.queued().isEmpty
                    }
                }
                #expect(Set(site.server.completed) == Set(built.map(\.storeBaseName)))
            }
        }

        @Test func twoWatchesOfOneQueueAreOneTooMany() async throws {
            try await withSite { site in
                try await site.watching { _ in
                    let other = try await site.firn("watch-store", [])
                    #expect(other.status == 4)
                    #expect(other.errors.contains("another Firn sends this queue already"))
                }
            }
        }

        @Test func aFaultyCacheIsTriedAgainAndNothingIsLost() async throws {
            let fault: CachixStandIn.Faults = { call, earlier in
                call.target.hasSuffix("/narinfo") && earlier < 2 ? .answer(status: 500) : nil
            }
            try await withSite(fault: fault) { site in
                try await site.watching(["--retry-for", "0s"]) { _ in
                    let built = try await site.store.build(Self.expression("tried"))[0]
                    try await wait(for: "path", within: .seconds(60)) {
                        site.server.completed.contains(built.storeBaseName)
                    }
                }
            }
        }

        @Test func waitingEndsWhenItsTimeIsOver() async throws {
            let fault: CachixStandIn.Faults = { _, _ in .answer(status: 500) }
            try await withSite(fault: fault) { site in
                let built = try await site.store.build(Self.expression("stuck"))[0]
                let outputs = ["OUT_PATHS": built]
                let start = ContinuousClock.now
                let arguments = ["--wait", "3s", "--retry-for", "1s"]
                let outcome = try await site.firn("hook", arguments, environment: outputs)
                #expect(outcome.status == 3)
                #expect(outcome.errors.contains("stay queued: \(built)"))
                #expect(ContinuousClock.now - start < .seconds(60))
                #expect(try site.queued() == [built.storeBaseName])
            }
        }

        @Test func whatWasCollectedMeanwhileIsDropped() async throws {
            try await withSite { site in
                let built = try await site.store.build(Self.expression("collected"))[0]
                let outputs = ["OUT_PATHS": built]
                try await site.firn("hook", [], environment: outputs).requireSuccess()
                try await site.store.collectGarbage()
                let outcome = try await site.firn("hook", ["--wait", "30s"]).requireSuccess()
                #expect(outcome.errors.contains("\(built): not in the store any more; dropped"))
                #expect(try site.queued() == [])
                #expect(site.server.completed == [])
            }
        }

        @Test func watchExecPushesWhatTheCommandBuildsAndGivesBackItsCode() async throws {
            try await withSite { site in
                let build = try site.store.buildCommand(Self.expression("executed"))
                // What was there before is nobody's business.
                let before = try await site.store.build(Self.expression("before"))[0]
                for code in [0, 7] {
                    let script = "\"$@\" && exit \(code)"
                    let run = ["/bin/sh", "-c", script, "sh", build.program] + build.arguments
                    var command = site.command("watch-exec", ["--"] + run)
                    command.environment.merge(build.environment) { $1 }
                    command.environment["HOME"] = "/nonexistent"
                    let outcome = try await command.run(deadline: .seconds(60))
                    #expect(outcome.status == code, "\(outcome.errors)")
                    let built = try #require(outcome.lines.last)
                    #expect(site.server.completed.contains(built.storeBaseName))
                }
                #expect(!site.server.completed.contains(before.storeBaseName))
                #expect(site.server.completed.count == 2)
            }
        }

        @Test func watchExecSaysWhatWasNotSentInTime() async throws {
            let fault: CachixStandIn.Faults = { _, _ in .answer(status: 500) }
            try await withSite(fault: fault) { site in
                let build = try site.store.buildCommand(Self.expression("late"))
                let options = ["--wait", "2s", "--retry-for", "1s", "--"]
                let run = options + [build.program] + build.arguments
                var command = site.command("watch-exec", run)
                command.environment.merge(build.environment) { $1 }
                command.environment["HOME"] = "/nonexistent"
                let outcome = try await command.run(deadline: .seconds(60))
                #expect(outcome.status == 3)
                let built = try #require(outcome.lines.last)
                #expect(outcome.errors.contains("2 paths were not pushed to cachix:test in time"))
                #expect(outcome.errors.contains(built))
                #expect(try site.queued().count == 2)
            }
        }

        @Test func watchExecSaysThatACommandCannotBeStarted() async throws {
            try await withSite { site in
                let outcome = try await site.firn("watch-exec", ["--", "/no/such/command"])
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("/no/such/command: no such file or directory"))
                let signalled = try await site.firn(
                    "watch-exec",
                    ["--", "/bin/sh", "-c", "kill -TERM $$"]
                )
                #expect(signalled.status == 143)
            }
        }
    }
}
