// SPDX-License-Identifier: Apache-2.0
package import Depot
package import Logging
package import NixFormat
package import NixStore
import Synchronization

/// This machine's own store as a binary cache: decides what is answered, and has others do it.
///
/// Safe to ask from any number of threads.
package final class StoreTier: Sendable {
    /// How long the database may take before a lookup counts as unanswered.
    package struct Configuration: Sendable {
        package var lookupDeadline: Duration = .seconds(2)
        /// The form that narinfos offer once it is in the depot.
        package var form = NARForm.zstd
        /// Objects of the depot that are kept open between requests: a descriptor each.
        package var maximumOpenObjects = 256
        /// NARs read from the store at once: several descriptors and half a megabyte each.
        package var maximumOpenStreams = 1_024

        package init() {}
    }

    package let store: any LocalStore
    package let depot: NARDepot?
    package let keys: SigningKeys
    package let configuration: Configuration
    package let logger: Logger
    /// Threads that may wait for the disk and the database.
    package let workers: WorkerThreads
    let memory = AnswerMemory()
    let openObjects: OpenObjects
    let openStreams: OpenStreams
    let listings = ListingMemory()
    let debugOutputMemory = DebugOutputMemory()
    let counters = TierCounters()
    package let maker: ObjectMaker?
    package let deltas: DeltaMaker
    let narHashes = NARHashMemory()
    /// Counts what changes answers other than the database: see ``revision``.
    let changes = Atomic<UInt64>(0)

    package var storeDirectory: StoreDirectory { store.directory }

    package init(
        store: any LocalStore,
        depot: NARDepot?,
        keys: SigningKeys,
        configuration: Configuration,
        workers: WorkerThreads,
        logger: Logger
    ) {
        self.store = store
        self.depot = depot
        self.keys = keys
        self.configuration = configuration
        self.workers = workers
        openStreams = OpenStreams(maximumCount: configuration.maximumOpenStreams)
        openObjects = OpenObjects(maximumCount: configuration.maximumOpenObjects)
        self.logger = logger
        deltas = DeltaMaker(shelf: depot?.deltas, logger: logger)
        maker = depot.map { depot in
            ObjectMaker(
                store: store,
                form: configuration.form,
                depot: depot,
                logger: logger
            ) { [keys, directory = store.directory] info in
                NARInfo(of: info, signedBy: keys, in: directory)
            }
        }
        maker?.onChange { [weak self] in self?.distrust($0) }
        maker?.onPressure { [openObjects] in openObjects.empty() }
    }
}
