// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// How Firn starts, changes and ends.
@Suite(.fewAtATime)
struct LifecycleTests {
    @Test func keysAreRotatedBySIGHUP() async throws {
        try await withTemporaryDirectory { directory in
            let old = try await TestKey.make(name: "firn.old-1", in: directory)
            let new = try await TestKey.make(name: "firn.new-1", in: directory)
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                var setup = ServerSetup(storeRoot: store.root)
                setup.keys = [old.secretPath]
                try await withServer(setup) { server in
                    let top = try paths.named("top")
                    #expect(try await server.keyName(of: top) == "firn.old-1")
                    let file = URL(filePath: old.secretPath)
                    try Data(try read(new.secretPath)).write(to: file)
                    server.process.send(signal: SIGHUP)
                    try await wait(for: "signature of the new key") {
                        try await server.keyName(of: top) == "firn.new-1"
                    }
                    try await withClient(.installed) { home in
                        home.use(cache: server.url, trusting: new.publicKey)
                        try await home.run("nix-store", ["--realise", top]).requireSuccess()
                    }
                }
            }
        }
    }

    @Test func aBrokenKeyAtSIGHUPLeavesTheOldOneInUse() async throws {
        try await withTemporaryDirectory { directory in
            let key = try await TestKey.make(name: "firn.old-1", in: directory)
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                var setup = ServerSetup(storeRoot: store.root)
                setup.keys = [key.secretPath]
                try await withServer(setup) { server in
                    try Data("broken".utf8).write(to: URL(filePath: key.secretPath))
                    let linesBefore = server.log.count
                    server.process.send(signal: SIGHUP)
                    try await wait(for: "message") { server.log.count > linesBefore }
                    let top = try paths.named("top")
                    #expect(try await server.keyName(of: top) == "firn.old-1")
                }
            }
        }
    }

    @Test func everyKeySigns() async throws {
        try await withTemporaryDirectory { directory in
            let keys = [
                try await TestKey.make(name: "firn.one-1", in: directory),
                try await TestKey.make(name: "firn.two-1", in: directory),
            ]
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                var setup = ServerSetup(storeRoot: store.root)
                setup.keys = keys.map(\.secretPath)
                try await withServer(setup) { server in
                    for key in keys {
                        try await withClient(.installed) { home in
                            home.use(cache: server.url, trusting: key.publicKey)
                            let top = try paths.named("top")
                            try await home.run("nix-store", ["--realise", top]).requireSuccess()
                        }
                    }
                }
            }
        }
    }

    @Test func aStreamThatRunsAtSIGTERMIsFinished() async throws {
        try await withNixStore { store in
            var closure = SampleClosure.small
            closure.largeBytes = 16_000_000
            let paths = try await store.buildSmall(closure)
            var setup = ServerSetup(storeRoot: store.root)
            // The reader is slow, and slower still beside other tests: it is not to meet the limit.
            setup.serverLines = ["drain-limit = \"3m\""]
            try await withServer(setup) { server in
                let large = try paths.named("large")
                let target = try await server.narTarget(of: large)
                let reader = try await SlowReader.start(HTTPRequest(target), on: server)
                server.process.send(signal: SIGTERM)
                try await wait(for: "refusal of new connections") {
                    (try? await server.get("/nix-cache-info")) == nil
                }
                #expect(server.process.exitStatus == nil)
                let answer = try await reader.readTheRest()
                #expect(answer.isComplete)
                #expect(try await Bytes(answer.body) == Bytes(store.nar(of: large)))
                #expect(try await server.process.exitStatus(within: .seconds(60)) == 0)
            }
        }
    }

    @Test func aStreamThatDoesNotEndIsCutAtTheLimit() async throws {
        try await withNixStore { store in
            var closure = SampleClosure.small
            closure.largeBytes = 16_000_000
            let paths = try await store.buildSmall(closure)
            var setup = ServerSetup(storeRoot: store.root)
            setup.serverLines = ["drain-limit = \"1s\""]
            try await withServer(setup) { server in
                let target = try await server.narTarget(of: paths.named("large"))
                let reader = try await SlowReader.start(HTTPRequest(target), on: server)
                server.process.send(signal: SIGTERM)
                _ = try await server.process.exitStatus(within: .seconds(60))
                #expect(try await reader.readTheRest().isComplete == false)
            }
        }
    }

    @Test func aSecondSignalDoesNotWaitForStreams() async throws {
        try await withNixStore { store in
            var closure = SampleClosure.small
            closure.largeBytes = 16_000_000
            let paths = try await store.buildSmall(closure)
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                let target = try await server.narTarget(of: paths.named("large"))
                let reader = try await SlowReader.start(HTTPRequest(target), on: server)
                server.process.send(signal: SIGINT)
                try await wait(for: "refusal of new connections") {
                    (try? await server.get("/nix-cache-info")) == nil
                }
                server.process.send(signal: SIGINT)
                #expect(try await server.process.exitStatus(within: .seconds(60)) == 130)
                #expect(try await reader.readTheRest().isComplete == false)
            }
        }
    }

    @Test func idleConnectionsDoNotDelayTheEnd() async throws {
        try await withSmallServedStore { _, server, _ in
            let port = server.port
            let idlers = try await onOwnThread {
                try (0..<10).map { _ in
                    let connection = HTTPConnection(try StreamSocket.connect(port: port))
                    _ = try connection.ask(HTTPRequest("/nix-cache-info"))
                    return connection.socket
                }
            }
            server.process.send(signal: SIGTERM)
            #expect(try await server.process.exitStatus(within: .seconds(60)) == 0)
            #expect(idlers.count == 10)
        }
    }

    @Test(arguments: NixClient.usable)
    func withoutAnyKeyOneIsMadeAndPrinted(_ client: NixClient) async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                let top = try paths.named("top")
                let keyName = try #require(try await server.keyName(of: top))
                let log = server.log
                let start = try #require(log.firstRange(of: "\(keyName):"))
                let publicKey = String(log[start.lowerBound...].prefix { !$0.isWhitespace })
                try await withClient(client) { home in
                    home.use(cache: server.url, trusting: publicKey)
                    try await home.run("nix-store", ["--realise", top]).requireSuccess()
                }
            }
        }
    }
}

extension FirnServer {
    /// The name of the key that signed a path, where it is one.
    func keyName(of storePath: String) async throws -> String? {
        try await narInfo(of: storePath)["Sig"]?.split(separator: ":").first.map(String.init)
    }
}
