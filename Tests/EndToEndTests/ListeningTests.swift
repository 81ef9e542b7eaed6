// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// Every way to reach Firn.
@Suite(.fewAtATime)
struct ListeningTests {
    @Test func aUnixSocketIsServedWithItsModeAndRemovedAtTheEnd() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory.path("firn.socket")
            // Left over from a Firn that was killed.
            try directory.write("", to: "firn.socket")
            try FileManager.default.removeItem(atPath: path)
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                var setup = ServerSetup(storeRoot: store.root)
                setup.listen = ["unix:\(path)"]
                for round in 0..<2 {
                    try await withServer(setup) { server in
                        let top = try paths.named("top")
                        let status = try await get("/\(top.storeHash).narinfo", over: path).status
                        #expect(status == 200)
                        let facts = try FileManager.default.attributesOfItem(atPath: path)
                        #expect(facts[.posixPermissions] as? Int == 0o660)
                        // The second start finds the socket of a killed one.
                        if round == 0 { try await server.kill() }
                    }
                }
                #expect(!FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test func severalAddressesAreServedAtOnce() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory.path("firn.socket")
            try await withNixStore { store in
                _ = try await store.buildSmall()
                var setup = ServerSetup(storeRoot: store.root)
                setup.listen = ["127.0.0.1:0", "unix:\(path)"]
                try await withServer(setup) { server in
                    let overTCP = try await server.get("/nix-cache-info")
                    let overUnix = try await get("/nix-cache-info", over: path)
                    #expect(overTCP.status == 200)
                    #expect(Bytes(overUnix.body) == Bytes(overTCP.body))
                }
            }
        }
    }

    @Test(.enabled(if: isInstalled("systemd-socket-activate"), "needs systemd-socket-activate"))
    func aSocketOfSystemdIsServed() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory.path("firn.socket")
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                let setup = ServerSetup(storeRoot: store.root)
                let file = try directory.write(
                    setup.configuration(state: directory.path("state")),
                    to: "firn.toml"
                )
                let log = try FileHandle(
                    forUpdating: URL(filePath: try directory.write("", to: "log"))
                )
                let arguments = ["--listen", path, FirnServer.programme, "serve", "--config", file]
                let process = try Command("systemd-socket-activate", arguments)
                    .start(output: log, errors: log)
                defer { process.send(signal: SIGTERM) }
                // The file is there a moment before anybody listens.
                try await wait(for: "socket") { (try? StreamSocket.connect(unixPath: path)) != nil }
                let top = try paths.named("top")
                let answer = try await get("/\(top.storeHash).narinfo", over: path)
                #expect(answer.status == 200)
                process.send(signal: SIGTERM)
                #expect(try await process.exitStatus(within: .seconds(60)) == 0)
                // It is systemd's, not Firn's, to remove.
                #expect(FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test func systemdIsToldWhenFirnIsReadyAndAliveAndStopping() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory.path("notify")
            let notifications = try NotificationSocket(path: path)
            try await withNixStore { store in
                _ = try await store.buildSmall()
                var setup = ServerSetup(storeRoot: store.root)
                setup.environment["NOTIFY_SOCKET"] = path
                setup.environment["WATCHDOG_USEC"] = "400000"
                try await withServer(setup) { server in
                    for message in ["READY=1", "WATCHDOG=1"] {
                        try await wait(for: message) { notifications.received.contains(message) }
                    }
                    try await server.stop()
                    try await wait(for: "STOPPING=1") {
                        notifications.received.contains("STOPPING=1")
                    }
                }
            }
        }
    }

    @Test func aConnectionIsKeptForLaterRequests() async throws {
        try await withSmallServedStore { _, server, paths in
            let hashes = paths.map(\.storeHash)
            let statuses = try await server.onConnection { connection in
                try hashes.map { try connection.ask(HTTPRequest("/\($0).narinfo")).status }
            }
            #expect(statuses.allSatisfy { $0 == 200 })
        }
    }

    private func get(_ target: String, over socketPath: String) async throws -> HTTPAnswer {
        try await onOwnThread {
            try HTTPConnection(StreamSocket.connect(unixPath: socketPath)).ask(HTTPRequest(target))
        }
    }
}

/// Whether a programme is in one of the usual folders.
func isInstalled(_ program: String) -> Bool {
    (Command.plainEnvironment["PATH"] ?? "").split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
    }
}
