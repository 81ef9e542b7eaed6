// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc
import Logging
import NixFormat
import NixStore
import Testing

/// A store made by the real Nix, and ours on top of it.
struct OpenedStore {
    let nix: TemporaryNixStore
    let store: NixLocalStore
    let workers: WorkerThreads
    let log: LogCollector

    init(_ nix: TemporaryNixStore) throws {
        self.nix = nix
        workers = WorkerThreads(name: "test-database", threads: 2, maximumQueued: 100)
        let log = LogCollector()
        self.log = log
        store = try NixLocalStore.open(
            NixStoreConfiguration(root: nix.root),
            workers: workers,
            logger: Logger(label: "test") { _ in log }
        )
    }

    /// Adds a file or folder to the store.
    func add(_ path: String) async throws -> StorePath { try await nix.add(path) }

    func info(_ path: StorePath) async throws -> PathInfo {
        try #require(await store.findPathInfo(path.hash, deadline: .seconds(20)))
    }

    /// Where the files of a path really are.
    func location(_ path: StorePath) -> String { "\(nix.root)/nix/store/\(path)" }

    /// Runs `body` while the store watches its database.
    func whileRunning(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await store.run() }
            try await body()
            group.cancelAll()
        }
    }
}

extension TemporaryNixStore {
    /// Adds a file or folder to the store.
    func add(_ path: String) async throws -> StorePath {
        let added = try await run("nix-store", ["--add", path]).text
        return try StoreDirectory.standard.storePath(parsing: added)
    }

    /// A file that refers to another, without a build.
    func addTwoFiles() async throws -> (dependency: StorePath, dependent: StorePath) {
        let expression = """
            let a = builtins.toFile "a" "first"; in [ a (builtins.toFile "b" "after ${a}") ]
            """
        let text = try await run(
            "nix-instantiate",
            ["--eval", "--read-write-mode", "--strict", "--json", "--expr", expression]
        ).text
        let names = text.split(separator: "\"").filter { $0.hasPrefix("/nix/store/") }
        let paths = try names.map { try StoreDirectory.standard.storePath(parsing: $0) }
        return (paths[0], paths[1])
    }
}

/// Makes a store, fills it, and opens it with ours.
func withOpenedStore(
    _ fill: (TemporaryNixStore) async throws -> StorePath,
    _ body: (OpenedStore, StorePath) async throws -> Void
) async throws {
    try await withNixStore { nix in
        let path = try await fill(nix)
        try await body(OpenedStore(nix), path)
    }
}

extension TemporaryNixStore {
    /// Adds a file with a name and some text.
    func addText(_ name: String) async throws -> StorePath {
        let expression = #"builtins.toFile "\#(name)" "text""#
        let text = try await run(
            "nix-instantiate",
            ["--eval", "--read-write-mode", "--expr", expression]
        ).text
        return try StoreDirectory.standard.storePath(
            parsing: text.trimmingCharacters(in: ["\""])
        )
    }

    /// Lets other users into the folder in which everything lies.
    func openForEverybody() throws {
        let parent = root.split(separator: "/").dropLast().joined(separator: "/")
        unsafe chmod("/" + parent, 0o755)
        unsafe chmod(root, 0o755)
    }
}

extension TemporaryNixStore {
    /// As with `use-sqlite-wal = false`, where a writer locks readers out.
    func leaveWALMode() throws {
        let database = try RawDatabase(databasePath)
        try database.execute("PRAGMA journal_mode = TRUNCATE")
        try database.close()
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
