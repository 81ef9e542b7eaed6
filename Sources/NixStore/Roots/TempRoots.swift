// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logging
import NixFormat
import Synchronization

/// Keeps the paths that are being streamed from being collected, by the means that this process
/// has.
///
/// First choice is Nix's file of temporary roots; where that may not be written, the daemon. Where
/// neither can be had, that is logged once, counted, and paths stream unprotected. All calls block.
///
/// Lock order: `keeper` before `leases`. A path is counted in `leases` before it is registered, so
/// that a rewrite of the file never loses one that is in use.
final class TempRoots: Sendable {
    private struct Leases {
        var counts: [StorePath: Int] = [:]
        /// Registered with whoever keeps them now, in use or not.
        var registered: Set<StorePath> = []
        var lastChange = MonotonicInstant.now

        /// Half a second of rest, lest a busy server registers and forgets all the time.
        private var isQuiet: Bool { lastChange.advanced(by: .milliseconds(500)).hasPassed }

        /// Empties ``registered`` and returns what was in it, if some of that is not in use.
        mutating func takeRegistered() -> Set<StorePath>? {
            guard isQuiet, registered.contains(where: { counts[$0] == nil }) else { return nil }
            defer { registered.removeAll() }
            return registered
        }

        /// Whether nothing is in use; then nothing counts as registered any more, either.
        mutating func endIfUnused() -> Bool {
            guard isQuiet, counts.isEmpty else { return false }
            registered.removeAll()
            return true
        }
    }

    private enum Keeper {
        case undecided
        /// There was one, and with it went the roots of the paths that are in use.
        case lost
        case file(TempRootsFile)
        case daemon(DaemonConnection)
    }

    private static let collectorTimeout = Duration.seconds(60)

    private let layout: StoreLayout
    private let directory: StoreDirectory
    private let collector: CollectorSocket
    private let counters: StoreCounters
    private let logger: Logger
    private let leases = Mutex(Leases())
    private let keeper = Monitor(Keeper.undecided)
    private let hasComplained = Atomic<Bool>(false)

    init(
        layout: StoreLayout,
        directory: StoreDirectory,
        counters: StoreCounters,
        logger: Logger
    ) {
        self.layout = layout
        self.directory = directory
        self.counters = counters
        self.logger = logger
        collector = CollectorSocket(stateDirectory: layout.stateDirectory)
    }

    /// Keeps a path from now on until the lease and all others of that path are gone.
    ///
    /// When it returns, the path is either gone or stays, so look afterwards whether it exists.
    func lease(_ path: StorePath) -> TempRootLease {
        let isRegistered = leases.withLock { leases in
            leases.counts[path, default: 0] += 1
            return leases.registered.contains(path)
        }
        let lease = TempRootLease { [weak self] in self?.release(path) }
        if !isRegistered { register(path) }
        return lease
    }

    /// Forgets the paths that nobody streams any more, so that they can be collected again.
    ///
    /// Also notices that the daemon has gone, and with it our roots, and starts over.
    func tidy() {
        keeper.withLock { keeper in
            do {
                switch keeper {
                case .undecided: break
                case .file(let file): try tidy(file)
                case .lost: try registerAll(with: &keeper)
                case .daemon(let daemon) where !daemon.isConnected:
                    keeper = .lost
                    try registerAll(with: &keeper)
                case .daemon:
                    // Its roots go with the connection, and only all together.
                    if leases.withLock({ $0.endIfUnused() }) { keeper = .undecided }
                }
            } catch {
                complain(error)
            }
        }
    }

    private func tidy(_ file: TempRootsFile) throws {
        guard let all = leases.withLock({ $0.takeRegistered() }) else { return }
        // Whatever is leased meanwhile waits for the keeper and registers itself.
        // What is counted and not registered is just being so, and may be in the file by now.
        let inUse = leases.withLock { Set($0.counts.keys) }
        let isDone = try file.keep(inUse.contains)
        leases.withLock { $0.registered.formUnion(isDone ? all.intersection(inUse) : all) }
    }

    private func registerAll(with keeper: inout Keeper) throws {
        let paths = leases.withLock { leases in
            leases.registered.removeAll()
            return Array(leases.counts.keys)
        }
        if paths.isEmpty { keeper = .undecided }
        for path in paths {
            try register(path, with: &keeper)
            leases.withLock { _ = $0.registered.insert(path) }
        }
    }

    private func release(_ path: StorePath) {
        leases.withLock { leases in
            leases.lastChange = .now
            let count = leases.counts[path, default: 1] - 1
            leases.counts[path] = count > 0 ? count : nil
        }
    }

    private func register(_ path: StorePath) {
        do {
            let mustTell = try keeper.withLock { keeper in
                guard case .lost = keeper else { return try register(path, with: &keeper) }
                try registerAll(with: &keeper)
                return false
            }
            if mustTell { try tellCollector(directory.path(of: path)) }
            leases.withLock { _ = $0.registered.insert(path) }
        } catch {
            complain(error)
        }
    }

    /// - Returns: Whether a collection is running that has to be told, too.
    @discardableResult
    private func register(_ path: StorePath, with keeper: inout Keeper) throws -> Bool {
        switch keeper {
        case .undecided, .lost: keeper = try decide()
        case .file, .daemon: break
        }
        switch keeper {
        case .undecided, .lost: return false
        case .file(let file): return try !file.add(path)
        case .daemon(let daemon):
            do {
                try daemon.addTempRoot(directory.path(of: path))
            } catch {
                keeper = .lost
                leases.withLock { $0.registered.removeAll() }
                throw error
            }
            return false
        }
    }

    private func decide() throws -> Keeper {
        do {
            return .file(
                try TempRootsFile(stateDirectory: layout.stateDirectory, directory: directory)
            )
        } catch let error as SystemError {
            logger.debug(
                "no file of temporary roots, asking the daemon",
                metadata: ["reason": "\(error.text)"]
            )
            return .daemon(try DaemonConnection(socketPath: layout.daemonSocket))
        }
    }

    /// A collector may have taken its lock and not yet have its socket, or just be ending.
    private func tellCollector(_ path: String) throws {
        let end = MonotonicInstant.after(Self.collectorTimeout)
        while !end.hasPassed {
            if try collector.tell(path, timeout: Self.collectorTimeout) == .told { return }
            usleep(20_000)
            let isOver = keeper.withLock { keeper in
                if case .file(let file) = keeper { return file.isNoCollectionRunning }
                return true
            }
            if isOver { return }
        }
        throw SystemError(code: ETIMEDOUT)
    }

    private func complain(_ error: any Error) {
        counters.rootsFailed.add(1, ordering: .relaxed)
        guard !hasComplained.exchange(true, ordering: .relaxed) else { return }
        let reason = (error as? SystemError)?.text ?? "\(error)"
        logger.warning(
            "streamed paths are not protected from garbage collection",
            metadata: ["state": "\(layout.stateDirectory)", "reason": "\(reason)"]
        )
    }
}

/// One user of a path that must not be collected; ends when it is let go.
final class TempRootLease: Sendable {
    private let end: @Sendable () -> Void

    init(end: @escaping @Sendable () -> Void) {
        self.end = end
    }

    deinit {
        end()
    }
}
