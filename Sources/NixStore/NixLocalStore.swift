// SPDX-License-Identifier: Apache-2.0
import GRDB
import Glibc
package import Logging
package import NixFormat
import Synchronization

/// A real Nix store: its database, its files and its roots, without Nix's own library.
package final class NixLocalStore: LocalStore {
    package let directory: StoreDirectory
    package let counters = StoreCounters()

    let layout: StoreLayout
    let logger: Logger
    let database: NixDatabase
    let badPaths: BadPaths
    let roots: TempRoots
    let changes = Atomic<UInt64>(0)
    let pollInterval: Duration
    private let workers: WorkerThreads

    /// Opens the store and asks its database once.
    ///
    /// - Parameters:
    ///   - configuration: Where the store is.
    ///   - workers: Ask the database. A pool of its own, since a locked database keeps all of it.
    ///   - logger: Hears of damaged paths and of what this process is not allowed to do.
    /// - Returns: A store whose database has answered.
    /// - Throws: ``LocalStoreError`` with what is missing.
    package static func open(
        _ configuration: NixStoreConfiguration,
        workers: WorkerThreads,
        logger: Logger
    ) throws -> NixLocalStore {
        let store = NixLocalStore(configuration, workers: workers, logger: logger)
        try store.checkFiles()
        try store.checkDatabase(until: .after(.seconds(5)))
        return store
    }

    private init(
        _ configuration: NixStoreConfiguration,
        workers: WorkerThreads,
        logger: Logger
    ) {
        directory = configuration.storeDirectory
        layout = StoreLayout(configuration)
        pollInterval = configuration.pollInterval
        database = NixDatabase(path: layout.database, counters: counters)
        badPaths = BadPaths(layout: layout)
        roots = TempRoots(
            layout: layout,
            directory: configuration.storeDirectory,
            counters: counters,
            logger: logger
        )
        self.workers = workers
        self.logger = logger
    }

    package var changeCount: UInt64 { changes.load(ordering: .acquiring) }

    package func isMarkedBad(_ info: PathInfo) -> Bool { badPaths.contains(info) }

    /// Watches for changes until it is cancelled: ``changeCount``, and roots nobody needs any more.
    package func run() async throws {
        let poller = StorePoller(self)
        let thread = WorkerThreads(name: "firn-store-poll", threads: 1, maximumQueued: 1)
        defer { thread.shutDown() }
        while !Task.isCancelled {
            // Late is not lost: the next look sees what this one missed.
            try? await thread.run(deadline: .seconds(60)) { poller.look() }
            try? await Task.sleep(for: pollInterval)
        }
    }

    package func checkHealth(deadline: Duration) async throws {
        try await ask(deadline: deadline) { store, expiry in
            try store.checkFiles()
            try store.checkDatabase(until: expiry)
        }
    }

    /// Runs `question` on a worker, in our own words when that fails.
    func ask<Value: Sendable>(
        deadline: Duration,
        _ question: @escaping @Sendable (NixLocalStore, MonotonicInstant) throws -> Value
    ) async throws -> Value {
        // A little less inside, so that "it is locked" comes before "it is late".
        let expiry = MonotonicInstant.after(deadline * 0.9)
        do {
            return try await workers.run(deadline: deadline) { [self] in try question(self, expiry)
            }
        } catch let failure as WorkerThreads.Failure {
            switch failure {
            case .deadlineExceeded: throw LocalStoreError.deadlineExceeded
            case .queueFull, .shutDown: throw LocalStoreError.overloaded
            }
        }
    }

    private func checkFiles() throws {
        let path = layout.realStoreDirectory
        // SAFETY: F_OK and friends only look.
        guard unsafe access(path, R_OK | X_OK) == 0 else {
            throw LocalStoreError.storeUnavailable(
                path: path,
                reason: SystemError(code: errno).text
            )
        }
    }

    private func checkDatabase(until expiry: MonotonicInstant) throws {
        let isNix = try database.read(until: expiry) { try $0.hasTables("ValidPaths", "Refs") }
        guard isNix else {
            throw LocalStoreError.databaseUnavailable(
                path: layout.database,
                reason: "it has none of Nix's tables"
            )
        }
    }
}

/// What ``NixLocalStore/run()`` does on its thread.
///
// SAFETY: only ever used by that one thread, one call after the other.
private final class StorePoller: @unchecked Sendable {
    private let store: NixLocalStore
    private var watch: DatabaseWatch

    init(_ store: NixLocalStore) {
        self.store = store
        watch = DatabaseWatch(store.database.file)
    }

    func look() {
        if watch.look() { store.changes.add(1, ordering: .acquiringAndReleasing) }
        store.roots.tidy()
    }
}
