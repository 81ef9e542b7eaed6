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
    }

    private enum Keeper {
        case undecided
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
            let paths = leases.withLock { Array($0.counts.keys) }
            do {
                switch keeper {
                case .undecided: break
                case .file(let file): try tidy(file)
                case .daemon(let daemon):
                    guard paths.isEmpty || !daemon.isConnected else { return }
                    keeper = .undecided
                    leases.withLock { $0.registered.removeAll() }
                    for path in paths { try register(path, with: &keeper) }
                }
            } catch {
                complain(error)
            }
        }
    }

    private func tidy(_ file: TempRootsFile) throws {
        let inUse = leases.withLock { leases -> [StorePath]? in
            // Half a second of rest, lest a busy server rewrites its file all the time.
            let isQuiet = leases.lastChange.advanced(by: .milliseconds(500)).hasPassed
            guard isQuiet, leases.registered.count > leases.counts.count else { return nil }
            leases.registered.removeAll()
            return Array(leases.counts.keys)
        }
        guard let inUse else { return }
        // Whatever is leased meanwhile waits for the keeper and registers itself.
        guard try file.rewrite(inUse.map(directory.path(of:))) else { return }
        leases.withLock { $0.registered.formUnion(inUse) }
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
            let mustTell = try keeper.withLock { try register(path, with: &$0) }
            if mustTell { try tellCollector(directory.path(of: path)) }
            leases.withLock { _ = $0.registered.insert(path) }
        } catch {
            complain(error)
        }
    }

    /// - Returns: Whether a collection is running that has to be told, too.
    @discardableResult
    private func register(_ path: StorePath, with keeper: inout Keeper) throws -> Bool {
        let text = directory.path(of: path)
        if case .undecided = keeper { keeper = try decide() }
        switch keeper {
        case .undecided: return false
        case .file(let file): return try !file.add(text)
        case .daemon(let daemon):
            do {
                try daemon.addTempRoot(text)
            } catch {
                keeper = .undecided
                leases.withLock { $0.registered.removeAll() }
                throw error
            }
            return false
        }
    }

    private func decide() throws -> Keeper {
        do {
            return .file(try TempRootsFile(stateDirectory: layout.stateDirectory))
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
