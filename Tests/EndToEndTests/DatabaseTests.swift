// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import GRDB
import Testing

/// What is answered while Nix's database cannot be.
@Suite(.fewAtATime)
struct DatabaseTests {
    @Test func aLockedDatabaseStopsOnlyWhatHasToAskIt() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            try leaveWriteAheadLogging(store)
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                let known = try paths.named("large")
                let unknown = try paths.named("link-1")
                let target = try await server.narTarget(of: known)
                let dump = try await store.nar(of: known)

                try await whileLocked(store) {
                    let start = ContinuousClock.now
                    #expect(try await server.narInfoStatus(of: known) == 200)
                    #expect(try await Bytes(server.get(target).body) == Bytes(dump))
                    #expect(try await server.get("/healthz").status == 200)
                    #expect(try await server.get("/nix-cache-info").status == 200)
                    let quick = ContinuousClock.now - start
                    #expect(quick < .seconds(5))

                    let answer = try await server.get("/\(unknown.storeHash).narinfo")
                    #expect((500..<600).contains(answer.status), "\(answer.status)")
                    let absent = String(repeating: "0", count: 32)
                    let other = try await server.get("/\(absent).narinfo")
                    #expect((500..<600).contains(other.status), "\(other.status)")
                    try await wait(for: "readiness to be withdrawn") {
                        try await server.get("/readyz").status == 503
                    }
                    let status = try await server.narInfoStatus(of: known)
                    #expect(status == 200)
                }
                try await wait(for: "unknown path to be known") {
                    try await server.narInfoStatus(of: unknown) == 200
                }
                try await wait(for: "readiness") { try await server.get("/readyz").status == 200 }
            }
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounts the store read-only"))
    func aStoreThatCannotBeWrittenAndHasNoLogFilesIsServed() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            for suffix in ["-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: store.databasePath + suffix)
            }
            var setup = ServerSetup(storeRoot: store.root)
            setup.hasOwnMounts = true
            setup.launcher = """
                mount --bind "$STORE/nix" "$STORE/nix"
                mount -o remount,bind,ro "$STORE/nix"
                exec "$@"
                """
            setup.environment["STORE"] = store.root
            try await withServer(setup) { server in
                let top = try paths.named("top")
                let target = try await server.narTarget(of: top)
                #expect(try await Bytes(server.get(target).body) == Bytes(store.nar(of: top)))
            }
        }
    }

    @Test func aReplacedDatabaseIsReadAnew() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            try leaveWriteAheadLogging(store)
            let top = try paths.named("top")
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                #expect(try await server.narInfoStatus(of: top) == 200)
                let copy = "\(store.databasePath).new"
                try FileManager.default.copyItem(atPath: store.databasePath, toPath: copy)
                let queue = try DatabaseQueue(path: copy)
                try await queue.write { database in
                    try database.execute(sql: "PRAGMA foreign_keys = OFF")
                    try database.execute(
                        sql: """
                            DELETE FROM Refs WHERE referrer IN
                                (SELECT id FROM ValidPaths WHERE path = ?)
                            """,
                        arguments: [top]
                    )
                    try database.execute(
                        sql: "DELETE FROM ValidPaths WHERE path = ?",
                        arguments: [top]
                    )
                }
                try queue.close()
                try await Command("mv", [copy, store.databasePath])
                    .run(deadline: .seconds(60)).requireSuccess()
                try await wait(for: "new database to be asked") {
                    try await server.narInfoStatus(of: top) == 404
                }
            }
        }
    }

    @Test func aPathThatWasAddedIsServedAtOnce() async throws {
        try await withNixStore { store in
            _ = try await store.buildSmall()
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                let added = try await withTemporaryDirectory { directory in
                    let file = try directory.write("added later", to: "added")
                    return try await store.run("nix-store", ["--add", file]).text
                }
                try await wait(for: "added path") {
                    try await server.narInfoStatus(of: added) == 200
                }
                let address = try await server.narInfo(of: added)["CA"]
                #expect(address?.hasPrefix("fixed:r:sha256:") == true)
            }
        }
    }

    @Test func aSizeThatNixDoesNotKnowIsNeverSentOut() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            let link = try paths.named("link-2")
            let other = try paths.named("link-3")
            let queue = try DatabaseQueue(path: store.databasePath)
            try await queue.write { database in
                try database.execute(
                    sql: "UPDATE ValidPaths SET narSize = NULL WHERE path = ?",
                    arguments: [link]
                )
                try database.execute(
                    sql: "UPDATE ValidPaths SET narSize = 0 WHERE path = ?",
                    arguments: [other]
                )
            }
            try queue.close()
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                for path in [link, other] {
                    let answer = try await server.get("/\(path.storeHash).narinfo")
                    #expect(!answer.text.contains("NarSize: 0"))
                    if answer.status == 200 {
                        let size = try await store.nar(of: path).count
                        #expect(answer.text.contains("NarSize: \(size)\n"))
                    }
                }
            }
        }
    }

    /// In WAL mode readers are never locked out, so the store is put into the mode where they are.
    private func leaveWriteAheadLogging(_ store: TemporaryNixStore) throws {
        let queue = try DatabaseQueue(path: store.databasePath)
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA journal_mode = DELETE")
        }
        try queue.close()
    }

    private func whileLocked(
        _ store: TemporaryNixStore,
        _ body: () async throws -> Void
    ) async throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let queue = try DatabaseQueue(path: store.databasePath, configuration: configuration)
        try await queue.writeWithoutTransaction { try $0.execute(sql: "BEGIN EXCLUSIVE") }
        do {
            try await body()
        } catch {
            try queue.close()
            throw error
        }
        try await queue.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        try queue.close()
    }
}
