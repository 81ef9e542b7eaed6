// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Synchronization
import Testing

extension PushSuites {
    /// What goes wrong on the way, and what a user is told.
    @Suite struct PushTroubleTests {
        private let source: PushSource

        init() throws {
            source = try PushSource.prepared()
        }

        /// Pushes the whole closure past a fault, and expects all of it to be there.
        private func pushAll(
            _ arguments: [String] = [],
            past fault: @escaping CachixStandIn.Faults
        ) async throws -> CommandOutcome {
            try await CachixStandIn.run(try PushSource.settings(), fault: fault) { server in
                let outcome = try await source.push(to: server, [source.top] + arguments)
                    .requireSuccess()
                #expect(Set(server.completed) == Set(source.paths.map(\.storeBaseName)))
                #expect(server.completed.count == source.paths.count)
                #expect(server.complaints == [])
                return outcome
            }
        }

        @Test func whoIsAskedToWaitWaits() async throws {
            let start = ContinuousClock.now
            let outcome = try await pushAll { call, earlier in
                call.target.hasSuffix("/narinfo") && earlier == 0
                    ? .answer(status: 429, fields: [("Retry-After", "2")]) : nil
            }
            #expect(ContinuousClock.now - start >= .seconds(2))
            #expect(outcome.errors.contains("answered 429"))
        }

        @Test func aBodyMayAskForPatienceToo() async throws {
            let start = ContinuousClock.now
            _ = try await pushAll { call, earlier in
                call.target.contains("/complete") && earlier == 0
                    ? .answer(status: 503, body: "{\"retry_after\": 1.5}") : nil
            }
            #expect(ContinuousClock.now - start >= .seconds(1.5))
        }

        @Test func faultsThatPassAreLivedThrough() async throws {
            _ = try await pushAll { _, earlier in
                earlier == 1 ? .answer(status: 500, body: "boom") : nil
            }
        }

        @Test func aPartThatIsCutOffIsSentAgain() async throws {
            _ = try await pushAll { call, earlier in
                call.method == "PUT" && earlier < 2 ? .cut(afterBytes: 100) : nil
            }
        }

        @Test func anAnswerThatIsLostIsNoFailure() async throws {
            _ = try await pushAll { call, earlier in
                call.target.contains("/complete") && earlier == 0 ? .loseAnswer : nil
            }
        }

        @Test func aPlaceInStorageThatHasExpiredIsAskedForAnew() async throws {
            _ = try await pushAll { call, earlier in
                call.method == "PUT" && earlier == 0 ? .answer(status: 403, body: "expired") : nil
            }
        }

        @Test func aServerThatGoesAwayForSecondsIsWaitedFor() async throws {
            let away = Mutex<ContinuousClock.Instant?>(nil)
            _ = try await pushAll { call, _ in
                guard call.target.contains("/upload/") || call.target.contains("/complete") else {
                    return nil
                }
                let isAway = away.withLock { end in
                    end = end ?? ContinuousClock.now + .seconds(3)
                    return ContinuousClock.now < end ?? .now
                }
                return isAway ? .cut(afterBytes: 0) : nil
            }
        }

        @Test func aWrongTokenIsRefusedAtOnce() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                let wrong = ["CACHIX_AUTH_TOKEN": "other"]
                let outcome = try await source.push(to: server, [source.top], environment: wrong)
                #expect(outcome.status == 4)
                #expect(outcome.errors.contains("does not accept this token for test"))
                #expect(!outcome.errors.contains("other"))
                #expect(server.calls.count == 1)
            }
        }

        @Test func aTokenThatMayOnlyReadIsRefused() async throws {
            var settings = try PushSource.settings()
            settings.permission = "Read"
            try await CachixStandIn.run(settings) { server in
                let outcome = try await source.push(to: server, [source.top])
                #expect(outcome.status == 4)
                #expect(outcome.errors.contains("may only read test"))
                #expect(server.calls("PUT", containing: "/").isEmpty)
            }
        }

        @Test func aTokenThatIsRevokedMeanwhileEndsThePush() async throws {
            let fault: CachixStandIn.Faults = {
                $0.target.contains("/complete") && $1 >= 2 ? .answer(status: 401) : nil
            }
            try await CachixStandIn.run(try PushSource.settings(), fault: fault) { server in
                let outcome = try await source.push(to: server, [source.top, "--jobs", "1"])
                #expect(outcome.status == 4)
                #expect(server.completed.count == 2)
                #expect(outcome.errors.contains("were not sent"))
            }
        }

        @Test func aKeyThatTheCacheDoesNotKnowIsRefused() async throws {
            let key = try SecretKey.generate(name: "other-1")
            try await CachixStandIn.run(try PushSource.settings()) { server in
                let environment = ["CACHIX_SIGNING_KEY": key.secretText()]
                let outcome = try await source.push(
                    to: server,
                    [source.top],
                    environment: environment
                )
                #expect(outcome.status == 4)
                #expect(outcome.errors.contains("does not know the signing key other-1"))
                #expect(server.completed.isEmpty)
            }
        }

        @Test func aCacheThatIsNotReachedIsSaidSo() async throws {
            // Its port stays taken, so that nobody else answers there.
            let socket = try ListeningSocket()
            socket.stop()
            let outcome = try await PushSource.firn([
                "push", "cachix:test", "--host", "http://127.0.0.1:\(socket.port)",
                "--store", source.store.root, "--retry-for", "1s", source.top,
            ])
            #expect(outcome.status == 5)
            #expect(outcome.errors.contains("connection refused"))
        }

        @Test func oneRejectedPathFailsWithThoseThatNeedItAndNoOther() async throws {
            let leaf = try source.path("link-2").storeBaseName
            let isOpen = Mutex(false)
            let fault: CachixStandIn.Faults = { call, earlier in
                let isThird = call.target.hasSuffix("compression=zst") && earlier == 2
                return isThird && !isOpen.withLock { $0 }
                    ? .answer(status: 400, body: "{\"error\":\"no\"}") : nil
            }
            try await CachixStandIn.run(try PushSource.settings(), fault: fault) { server in
                let outcome = try await source.push(to: server, [source.top])
                #expect(outcome.status == 3)
                #expect(outcome.errors.contains("answered 400: no"))
                #expect(outcome.errors.contains("which was not sent"))
                #expect(!server.completed.isEmpty)
                #expect(!server.completed.contains(source.top.storeBaseName))
                #expect(server.complaints == [])
                isOpen.withLock { $0 = true }
                try await source.push(to: server, [source.top]).requireSuccess()
                #expect(Set(server.completed) == Set(source.paths.map(\.storeBaseName)))
                #expect(server.completed.count == source.paths.count)
                #expect(server.completed.contains(leaf))
            }
        }

        @Test func aPathThatIsCollectedMeanwhileIsToldApart() async throws {
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                let lone = try paths.named("link-0")
                let own = PushSource(
                    store: store,
                    top: lone,
                    paths: [lone],
                    lone: lone,
                    large: lone
                )
                let fault: CachixStandIn.Faults = { call, _ in
                    call.target.hasSuffix("/narinfo") ? .delay(.seconds(3)) : nil
                }
                try await CachixStandIn.run(try PushSource.settings(), fault: fault) { server in
                    async let pushed = own.push(to: server, [lone])
                    try await wait(for: "question") {
                        !server.calls("POST", containing: "/narinfo").isEmpty
                    }
                    try await store.collectGarbage()
                    let outcome = try await pushed
                    #expect(outcome.status == 3)
                    #expect(outcome.errors.contains("\(lone): it was collected meanwhile"))
                    #expect(server.completed.isEmpty)
                }
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
                try await CachixStandIn.run(try PushSource.settings()) { server in
                    let outcome = try await own.push(to: server, [leaf])
                    #expect(outcome.status == 3)
                    #expect(outcome.errors.contains("its files are damaged"))
                    #expect(server.completed.isEmpty)
                }
            }
        }

        @Test func aPushThatWasKilledIsMadeAgainWithoutSendingTwice() async throws {
            let fault: CachixStandIn.Faults = { call, _ in
                call.target.contains("/complete") ? .delay(.milliseconds(150)) : nil
            }
            try await CachixStandIn.run(try PushSource.settings(), fault: fault) { server in
                let command = source.pushCommand(to: server, [source.top, "--jobs", "1"])
                let first = try command.start(
                    output: FileHandle.nullDevice,
                    errors: FileHandle.nullDevice
                )
                try await wait(for: "some paths") { server.completed.count >= 4 }
                first.send(signal: SIGKILL)
                _ = try await first.exitStatus(within: .seconds(60))
                try await Task.sleep(for: .milliseconds(500))
                let done = server.completed
                #expect(done.count < source.paths.count)
                let begun = server.calls("POST", containing: "compression=zst").count
                try await source.push(to: server, [source.top]).requireSuccess()
                #expect(Set(server.completed) == Set(source.paths.map(\.storeBaseName)))
                #expect(server.completed.count == source.paths.count)
                let again = server.calls("POST", containing: "compression=zst").count - begun
                #expect(again == source.paths.count - done.count)
                #expect(server.complaints == [])
            }
        }

        @Test func wrongUseIsSaidSo() async throws {
            let cases: [(arguments: [String], words: String)] = [
                (["push", "Team", "x"], "\"Team\" has \"T\" in it"),
                (["push", "unix:x", "x"], "\"unix:x\" names no cache to push to"),
                (["push", "http://x:1", "x"], "has no cache's name at its end"),
                (["push", "http://a:b@x/team", "x"], "has a user name or password in it"),
                (["push", "team", "x", "--host", "http://x"], "--host is for cachix:NAME"),
                (["push", "team", "x", "--token-file", "f"], "--token-file is for other servers"),
                (["push", "cachix:test", "x", "--server", "http://x"], "--server is for caches"),
                (["push", "http://x/team", "x", "--server", "http://x"], "leave --server out"),
                (["push", "http://x/team", source.lone], "--server needs a token"),
                (
                    ["push", "team", "x", "--signing-key-file", "f"],
                    "--signing-key-file is for cachix:NAME"
                ),
                (["push", "cachix:a/b", "x"], "names no cache to push to"),
                (["push", "cachix:test"], "name paths to push"),
                (["push", "cachix:test", "x", "--exclude", "("], "is not a regular expression"),
                (["push", "cachix:test", "x", "--max-nar-size", "5"], "--max-nar-size takes"),
                (["push", "cachix:test", "x", "--jobs", "0"], "--jobs takes a number"),
                (["push", "cachix:test", "x", "--host", "ftp://x"], "--host takes http://HOST"),
                (["push", "cachix:test", "nonsense"], "is neither a store path"),
                (["push", "cachix:test", "/nix"], "is neither a store path"),
            ]
            for (arguments, words) in cases {
                let outcome = try await PushSource.firn(arguments + ["--store", source.store.root])
                #expect(outcome.status == 2, "\(arguments)")
                #expect(outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
            }
        }

        @Test func secretsInFilesAreReadAndWarnedAbout() async throws {
            try await withTemporaryDirectory { directory in
                let open = try directory.write("secret-token\n", to: "open", mode: 0o644)
                let closed = try directory.write("secret-token\n", to: "closed", mode: 0o600)
                try await CachixStandIn.run(try PushSource.settings()) { server in
                    for (file, isWarned) in [(open, true), (closed, false)] {
                        let outcome = try await source.push(
                            to: server,
                            [source.lone, "--token-file", file],
                            environment: ["CACHIX_AUTH_TOKEN": "wrong"]
                        ).requireSuccess()
                        #expect(outcome.errors.contains("every user can read") == isWarned)
                    }
                    let outcome = try await source.push(
                        to: server,
                        [source.lone, "--token-file", directory.path("none")]
                    )
                    #expect(outcome.status == 2)
                    #expect(outcome.errors.contains("cannot be read: no such file"))
                }
            }
        }
    }
}
