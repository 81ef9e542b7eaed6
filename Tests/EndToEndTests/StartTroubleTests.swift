// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// A Firn that cannot start says why, and with the exit code that its help lists.
@Suite(.fewAtATime)
struct StartTroubleTests {
    @Test func aPortInUseIsNamed() async throws {
        try await withSmallServedStore { store, server, _ in
            var setup = ServerSetup(storeRoot: store.root)
            setup.listen = ["127.0.0.1:\(server.port)"]
            let outcome = try await start(setup)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("127.0.0.1:\(server.port)"))
            #expect(outcome.errors.contains("in use"))
        }
    }

    @Test func aMissingStoreIsNamed() async throws {
        let outcome = try await start(ServerSetup(storeRoot: "/nonexistent/store"))
        #expect(outcome.status != 0)
        #expect(outcome.errors.contains("/nonexistent/store"))
    }

    @Test(arguments: ["", "nocolonhere", "name:not-base64!", "name:QUJD", ":QUJD"])
    func aWrongKeyFileIsNamedAndNotQuoted(_ contents: String) async throws {
        try await withTemporaryDirectory { directory in
            let file = try directory.write(contents, to: "wrong.key", mode: 0o600)
            try await withNixStore { store in
                _ = try await store.buildSmall()
                var setup = ServerSetup(storeRoot: store.root)
                setup.keys = [file]
                let outcome = try await start(setup)
                #expect(outcome.status != 0)
                #expect(outcome.errors.contains(file))
                if contents.count > 4 { #expect(!outcome.errors.contains(contents)) }
            }
        }
    }

    @Test func aMissingKeyFileIsNamed() async throws {
        try await withNixStore { store in
            _ = try await store.buildSmall()
            var setup = ServerSetup(storeRoot: store.root)
            setup.keys = ["/nonexistent/key"]
            let outcome = try await start(setup)
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains("/nonexistent/key"))
        }
    }

    @Test func aKeyThatOthersCanReadIsWarnedOf() async throws {
        try await withTemporaryDirectory { directory in
            let key = try await TestKey.make(name: "firn.open-1", in: directory)
            try setMode(0o644, of: key.secretPath)
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                var setup = ServerSetup(storeRoot: store.root)
                setup.keys = [key.secretPath]
                try await withServer(setup) { server in
                    let log = server.log
                    #expect(log.contains(key.secretPath))
                    #expect(log.lowercased().contains("read"))
                    let top = try paths.named("top")
                    #expect(try await server.keyName(of: top) == "firn.open-1")
                }
                try setMode(0o600, of: key.secretPath)
                try await withServer(setup) { server in
                    #expect(!server.log.contains(key.secretPath))
                }
            }
        }
    }

    @Test(arguments: [
        ("[server]\nlisten = 5\n", "listen"),
        ("[server]\n\npriorty = 30\n", "priority"),
        ("[server]\npriority = -5\n", "priority"),
        ("[stoer]\nroot = \"/\"\n", "store"),
        ("[server\n", ":1"),
    ])
    func aWrongConfigurationIsRefusedWithItsPlace(_ text: String, _ hint: String) async throws {
        try await withTemporaryDirectory { directory in
            let file = try directory.write(text, to: "firn.toml")
            for arguments in [
                ["serve", "--config", file], ["serve", "--check", "--config", file],
            ] {
                let outcome = try await firn(arguments)
                #expect(outcome.status == 2)
                #expect(outcome.errors.contains(file))
                #expect(outcome.errors.contains(hint))
            }
        }
    }

    @Test func aUsageErrorIsTwo() async throws {
        for arguments in [["nonsense"], ["serve", "--nonsense"], ["key"], ["key", "generate"]] {
            let outcome = try await firn(arguments)
            // `firn key` alone may show its help.
            #expect(outcome.status == 2 || (arguments == ["key"] && outcome.status == 0))
        }
    }

    private func start(_ setup: ServerSetup) async throws -> CommandOutcome {
        try await withTemporaryDirectory { directory in
            let text = setup.configuration(state: directory.path("state"))
            let file = try directory.write(text, to: "firn.toml")
            return try await firn(["serve", "--config", file])
        }
    }

    private func firn(_ arguments: [String]) async throws -> CommandOutcome {
        try await Command(FirnServer.programme, arguments).run(deadline: .seconds(30))
    }
}
