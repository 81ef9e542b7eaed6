// SPDX-License-Identifier: Apache-2.0
import Depot
import Glibc
import Logging
import NixFormat
package import NixStore
import Synchronization

/// Makes the form of NARs that the narinfos offer ahead of the requests for it, in its own threads.
///
/// A NAR is made when its path is newly built here, or when somebody has fetched it as it is. A
/// lookup alone makes nothing: `nix path-info` asks for whole closures without wanting a byte.
package final class ObjectMaker: Sendable {
    /// Paths that wait; what comes on top is left for the next time it is fetched.
    static let maximumWaiting = 100_000
    /// Output that is thrown away after it went to the depot.
    private static let scratchBytes = 256 << 10

    private let store: any LocalStore
    private let form: NARForm
    private let depot: NARDepot
    private let logger: Logger
    private let threads: WorkerThreads
    private let waiting = Mutex<Set<ObjectKey>>([])
    private let observer = Mutex<(@Sendable (PathInfo) -> Void)?>(nil)
    private let relief = Mutex<(@Sendable () -> Void)?>(nil)
    private let describe: @Sendable (PathInfo) -> NARInfo

    init(
        store: any LocalStore,
        form: NARForm,
        depot: NARDepot,
        logger: Logger,
        describe: @escaping @Sendable (PathInfo) -> NARInfo
    ) {
        self.describe = describe
        self.store = store
        self.form = form
        self.depot = depot
        self.logger = logger
        threads = WorkerThreads(
            name: "object-maker",
            threads: 2,
            maximumQueued: Self.maximumWaiting
        )
    }

    /// Called after each path whose object became available, or whose content turned out damaged.
    func onChange(_ call: @escaping @Sendable (PathInfo) -> Void) {
        observer.withLock { $0 = call }
    }

    /// Paths that wait or are being made.
    package var waitingCount: Int { waiting.withLock { $0.count } }

    package func shutDown() { threads.shutDown() }

    /// Asks for the object of a path; returns at once, and may be called again.
    package func make(_ info: PathInfo) {
        guard let key = try? info.objectKey(form),
            waiting.withLock({ $0.insert(key).inserted })
        else { return }
        let isAccepted = threads.submit { [self] in
            makeNow(info, key)
            _ = waiting.withLock { $0.remove(key) }
        }
        if !isAccepted { _ = waiting.withLock { $0.remove(key) } }
    }

    /// Called when the depot is full of objects that are held open; returns after letting them go.
    func onPressure(_ call: @escaping @Sendable () -> Void) {
        relief.withLock { $0 = call }
    }

    private func makeNow(_ info: PathInfo, _ key: ObjectKey) {
        // On Linux this is the priority of the calling thread alone: requests go first.
        ThreadPriority.lower()
        do {
            guard try depot.find(key) == nil, !store.isMarkedBad(info) else { return }
            if depot.usage().isNearlyFull { relief.withLock { $0 }?() }
            let pending = try depot.begin(key)
            let source = try ObjectSource(
                store.openNAR(info, range: nil),
                as: form,
                into: (pending, describedBy: describe(info))
            ) { [self] _ in
                observer.withLock { $0 }?(info)
            }
            try unsafe withUnsafeTemporaryAllocation(byteCount: Self.scratchBytes, alignment: 16) {
                scratch in
                while try unsafe source.fill(scratch) > 0 {}
            }
        } catch {
            logger.info("object not made", metadata: ["path": "\(info.path)", "cause": "\(error)"])
        }
    }
}

extension DepotUsage {
    /// Eviction has begun or is about to.
    fileprivate var isNearlyFull: Bool {
        sizeBytes + pendingSizeBytes > maximumSizeBytes / 10 * 9
    }
}

/// Background work takes what requests leave.
enum ThreadPriority {
    /// Of the calling thread alone, as Linux has it.
    ///
    /// `isWaitedFor`: Whether somebody waits for the work, though less than for an answer.
    static func lower(isWaitedFor: Bool = false) {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, isWaitedFor ? 5 : 10)
    }
}
