// SPDX-License-Identifier: Apache-2.0
package import Logging
package import NixFormat
import NixStore
import Synchronization
import Upstream

/// The whole cache: this machine's store and depot first, then other caches in their order.
///
/// What another cache does never keeps an answer back, and a lookup ends in bounded time whatever
/// they do. Safe to ask from any number of threads.
package final class TieredCache: Sendable {
    package struct Configuration: Sendable {
        /// Where bytes in transit are kept by a cache without a depot.
        package var transitDirectory: String
        /// Transfers at once; what comes on top is refused for a moment.
        package var maximumTransfers: Int
        /// How long a delta in one piece may take to come: Nix, which is sent nothing meanwhile, gives
        /// up after five minutes.
        package var deltaPatience: Duration

        package init(
            transitDirectory: String,
            maximumTransfers: Int = 512,
            deltaPatience: Duration = .seconds(180)
        ) {
            self.transitDirectory = transitDirectory
            self.maximumTransfers = maximumTransfers
            self.deltaPatience = deltaPatience
        }
    }

    package let store: StoreTier
    package let tiers: [RemoteTier]
    /// `nil` without a depot.
    package let named: NamedCaches?
    package let configuration: Configuration
    package let logger: Logger
    let answers = RemoteAnswers()
    let closures = FlightTable<RemoteQuestion, Result<ClosureAnswer?, any Error>>()
    let transfers = TransferTable()
    /// Unpack and pack what has come, for the depot.
    let keepers: WorkerThreads
    /// Make NARs out of what is here and what makes them.
    let rebuilders: WorkerThreads
    let bases: BaseIndex
    let powerSupply = PowerSupply()
    /// For NARs while they are made of deltas: one of the largest in one piece, or two segments of
    /// larger ones, and small ones beside them.
    let rebuildMemory = SpoolMemory(bytes: 28 << 20)
    /// For deltas in one piece while they come: few enough at once that each comes soon.
    let arrivingMemory = SpoolMemory(bytes: NARRebuild.maximumArrivingBytes)
    /// For three large deltas while they come, which takes long and must keep no small one waiting.
    let segmentMemory = SpoolMemory(bytes: 3 * NARRebuild.segmentBytes)
    /// And on the disk where there is no depot.
    let rebuildDisk = SpoolMemory(bytes: 8 << 30)
    let spoolMemory = SpoolMemory(bytes: 24 << 20)
    /// For what comes when the disk has just become full.
    let overflowMemory = SpoolMemory(bytes: 48 << 20)
    /// For NARs of tiers that have no clean record, while they are verified.
    let checkingMemory = SpoolMemory(bytes: 16 << 20)
    let spoolingResumesAt = Mutex(ContinuousClock.now)
    let misses = Atomic<UInt64>(0)

    private static let maximumWaitingForDepot = 10_000

    package var storeDirectory: StoreDirectory { store.storeDirectory }

    package init(
        store: StoreTier,
        tiers: [RemoteTier],
        named: NamedCaches? = nil,
        configuration: Configuration,
        logger: Logger
    ) {
        self.store = store
        self.tiers = tiers
        self.named = named
        self.configuration = configuration
        self.logger = logger
        bases = BaseIndex(store.store, store.depot)
        rebuilders = WorkerThreads(name: "rebuild", threads: 2, maximumQueued: 10_000)
        keepers = WorkerThreads(
            name: "keeper",
            threads: 2,
            maximumQueued: Self.maximumWaitingForDepot
        )
    }

    /// Everything that other caches said is forgotten: this is another network now.
    package func networkChanged() {
        for tier in tiers { tier.networkChanged() }
        answers.forgetAll()
    }

    /// Answers a request that has come through other nodes; they are told on to whoever is asked.
    package func onBehalf<Value: Sendable>(
        of nodes: [String],
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        guard !nodes.isEmpty else { return try await body() }
        return try await LoopMark.$nodes.withValue(nodes, operation: body)
    }
}
