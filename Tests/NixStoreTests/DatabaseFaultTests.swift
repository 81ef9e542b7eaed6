// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import NixStore
import Synchronization
import Testing

@Suite struct DatabaseFaultTests {
    private static let deadline = Duration.seconds(20)

    @Test func aLockedDatabaseIsAnErrorWithinTheDeadline() async throws {
        try await withOpenedStore {
            let path = try await $0.addTwoFiles().dependent
            try $0.leaveWALMode()
            return path
        } _: { opened, path in
            let other = try RawDatabase(opened.databasePath)
            try other.execute("BEGIN EXCLUSIVE")
            let error = await #expect(throws: LocalStoreError.self) {
                try await opened.store.findPathInfo(path.hash, deadline: .milliseconds(500))
            }
            switch error {
            // On a busy machine the caller's clock may be the first to run out.
            case .databaseUnavailable, .deadlineExceeded: break
            default: #expect(Bool(false), "\(error)")
            }
            await #expect(throws: LocalStoreError.self) {
                try await opened.store.checkHealth(deadline: .milliseconds(100))
            }
            try other.execute("ROLLBACK")
            #expect(try await opened.info(path).path == path)
        }
    }

    @Test func aLockThatEndsInTimeIsWaitedFor() async throws {
        try await withOpenedStore {
            let path = try await $0.addTwoFiles().dependent
            try $0.leaveWALMode()
            return path
        } _: { opened, path in
            let other = try RawDatabase(opened.databasePath)
            try other.execute("BEGIN EXCLUSIVE")
            async let info = opened.info(path)
            try await Task.sleep(for: .milliseconds(200))
            try other.execute("ROLLBACK")
            #expect(try await info.path == path)
        }
    }

    @Test func aReplacedDatabaseIsOpenedAnew() async throws {
        try await withNixStore { nix in
            let (first, second) = try await nix.addTwoFiles()
            let opened = try OpenedStore(nix)
            #expect(try await opened.info(second).path == second)
            try await opened.whileRunning {
                try await wait(for: "a first look") { opened.store.changeCount > 0 }
                let before = opened.store.changeCount
                let copy = opened.databasePath + ".new"
                try FileManager.default.copyItem(atPath: opened.databasePath, toPath: copy)
                let database = try RawDatabase(copy)
                try database.execute("PRAGMA journal_mode = DELETE")
                try database.execute("PRAGMA foreign_keys = OFF")
                try database.execute("DELETE FROM ValidPaths WHERE path LIKE '%\(second)'")
                try database.close()
                #expect(unsafe rename(copy, opened.databasePath) == 0)
                try await wait(for: "the change") { opened.store.changeCount > before }
            }
            let store = opened.store
            #expect(try await store.findPathInfo(second.hash, deadline: Self.deadline) == nil)
            #expect(try await opened.info(first).path == first)
            #expect(store.counters.databaseReopens.load(ordering: .relaxed) > 0)
        }
    }

    @Test func aDatabaseThatIsGoneIsAnErrorAndNotAbsence() async throws {
        try await withOpenedStore {
            try await $0.addTwoFiles().dependent
        } _: { opened, path in
            #expect(unsafe rename(opened.databasePath, opened.databasePath + ".away") == 0)
            await #expect(throws: LocalStoreError.self) {
                try await opened.store.findPathInfo(path.hash, deadline: Self.deadline)
            }
            #expect(unsafe rename(opened.databasePath + ".away", opened.databasePath) == 0)
            let info = try await opened.info(path)
            #expect(info.path == path)
        }
    }

    @Test func noiseInPlaceOfTheDatabaseIsAnError() async throws {
        try await withOpenedStore {
            try await $0.addTwoFiles().dependent
        } _: { opened, path in
            let noise = [UInt8](repeating: 0x5A, count: 50_000)
            try FileMaker.write(noise, to: opened.databasePath + ".noise")
            #expect(unsafe rename(opened.databasePath + ".noise", opened.databasePath) == 0)
            await #expect(throws: LocalStoreError.self) {
                try await opened.store.findPathInfo(path.hash, deadline: Self.deadline)
            }
        }
    }

    @Test func whatIsNoStoreIsRefusedWithAReason() async throws {
        try await withTemporaryDirectory { directory in
            func open(_ root: String) throws {
                let workers = WorkerThreads(name: "test", threads: 1, maximumQueued: 1)
                _ = try NixLocalStore.open(
                    NixStoreConfiguration(root: root),
                    workers: workers,
                    logger: .silent
                )
            }
            func refusal(_ root: String) -> String {
                do {
                    try open(root)
                    return "none"
                } catch {
                    return "\(error)"
                }
            }
            let root = directory.path
            #expect(refusal(root).contains("\(root)/nix/store"))
            try directory.makeDirectory("nix/store")
            #expect(refusal(root).contains("\(root)/nix/var/nix/db/db.sqlite"))
            try directory.makeDirectory("nix/var/nix/db")
            try directory.write("", to: "nix/var/nix/db/db.sqlite")
            #expect(refusal(root).contains("tables"))
        }
    }

    @Test func withoutTheLogFilesAStrangerStillReads() async {
        // nix#10300: nobody may create the log that SQLite wants.
        await #expect(processExitsWith: .success) {
            try await withNixStore { nix in
                let (first, second) = try await nix.addTwoFiles()
                try nix.openForEverybody()
                for suffix in ["-wal", "-shm"] { unsafe unlink(nix.databasePath + suffix) }
                try await waitAsNobody {
                    let opened = try OpenedStore(nix)
                    #expect(try await opened.info(second).references == [first])
                    #expect(!FileManager.default.fileExists(atPath: nix.databasePath + "-shm"))
                    let late = try await waitAsRoot { try await nix.addText("late") }
                    #expect(try await opened.info(late).path == late)
                    // While a writer has the log open, what is only in there counts, too.
                    let writer = try asRoot { try RawDatabase(nix.databasePath) }
                    try asRoot {
                        try writer.execute("PRAGMA foreign_keys = OFF")
                        try writer.execute("PRAGMA wal_autocheckpoint = 0")
                        try writer.execute("DELETE FROM ValidPaths WHERE path LIKE '%-late'")
                        unsafe chmod(nix.databasePath + "-wal", 0o644)
                        unsafe chmod(nix.databasePath + "-shm", 0o644)
                    }
                    let gone = try await opened.store.findPathInfo(
                        late.hash,
                        deadline: .seconds(20)
                    )
                    #expect(gone == nil)
                    try writer.close()
                }
            }
        }
    }
}
