// SPDX-License-Identifier: Apache-2.0
import CLinux
import CacheServer
import CacheService
import Caches
import Depot
import Foundation
import Glibc
import Logging
import NixFormat
import NixStore
import ServiceLifecycle
import UnixSignals

/// Puts the daemon together from its rooms and runs it until it is told to stop.
enum Assembly {
    /// Threads of each of the two pools that lookups wait in.
    private static let lookupThreads = 4
    private static let maximumWaitingLookups = 10_000
    /// Below it are the pieces that streams take all the time, above it NARs and stretches of them.
    private static let returnedBlockBytes: Int32 = 2 << 20

    static func run(
        _ configuration: FirnConfiguration,
        keys: SigningKeyFiles,
        secrets: [TierSecrets]
    ) async throws {
        firn_return_blocks(Self.returnedBlockBytes)
        let logger = makeLogger(configuration.server.logLevel)
        let descriptors = allowManyDescriptors(logger)
        if keys.willMakeKey {
            // A start that is refused leaves no key behind either.
            let store = NixStoreConfiguration(root: configuration.store.root)
            _ = try DepotAssembly.check(configuration, store.storeDirectory)
        }
        let loaded = try keys.loadOrMake(hostName: ProcessInfo.processInfo.hostName)
        for warning in loaded.warnings { StandardError.write("firn: warning: \(warning)") }

        // A locked database holds its threads until the deadline; files must not wait for that.
        let database = makeThreads("database")
        let files = makeThreads("files")
        let store = try openStore(configuration, database, logger)
        let depot = try DepotAssembly.open(configuration, store.directory, logger)
        let signingKeys = SigningKeys(loaded.keys)
        let tier = StoreTier(
            store: store,
            depot: depot,
            keys: signingKeys,
            configuration: tierConfiguration(configuration, descriptors: descriptors),
            workers: files,
            logger: logger
        )
        // The control socket is there, whatever else is not.
        try? FileManager.default.createDirectory(
            atPath: configuration.server.state,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
        let tls = try openTLS(configuration)
        let metrics = ServerMetrics()
        let node = Node(version: Firn.version)
        let certificates = AuthorityFile(ProcessInfo.processInfo.environment)
        if let warning = certificates.warning { logger.warning("\(warning)") }
        let others = try TierAssembly(
            zip(configuration.tiers, secrets),
            node: node,
            storeDirectory: store.directory,
            isLocal: { await store.mayHave($0) },
            certificateFile: certificates.path,
            logger: logger
        )
        let identities = IdentityAssembly.make(
            configuration.identities.map(\.rule),
            certificateFile: certificates.path,
            logger: logger
        )
        let named = try depot.map {
            let open = DescriptorBudget(descriptors).members
            return try openCaches(
                configuration,
                $0,
                others.tiers,
                identities,
                maximumOpenObjects: open,
                logger
            )
        }
        let cache = TieredCache(
            store: tier,
            tiers: others.tiers,
            named: named,
            configuration: .init(
                transitDirectory: configuration.server.state,
                maximumTransfers: DescriptorBudget(descriptors).transfers
            ),
            logger: logger
        )
        let history = StatusHistory()
        let responder = CacheResponder(
            cache: cache,
            metrics: metrics,
            priority: configuration.server.priority,
            metricsReaders: readers(configuration.server.metrics),
            statusReaders: readers(configuration.server.statusPage),
            history: history,
            deployed: FleetRecords(configuration),
            node: node,
            logger: logger
        )
        let notifier = ServiceNotifier(
            environment: ProcessInfo.processInfo.environment,
            logger: logger
        )
        let listener = CacheListener(
            configuration: serverConfiguration(configuration, tls, descriptors: descriptors),
            responder: responder,
            metrics: metrics,
            logger: logger
        ) { addresses in
            await announce(addresses, tier, isSecure: tls != nil)
            notifier.ready()
        }
        let reload = Reload(keys: keys, signingKeys: signingKeys, tls: tls, notifier, logger)
        try await serve(
            [
                SecondSignal(), StoreWatch(store: store), ArrivalWatch(tier, logger: logger),
                notifier, reload, StatusSampler(history, of: cache),
            ] + others.services(for: cache, logger: logger)
                + (named.map { [CacheCollector($0)] } ?? []),
            listener,
            logger
        )
        depot?.flushUses()
    }

    /// Brings the caches to what the configuration declares.
    private static func openCaches(
        _ configuration: FirnConfiguration,
        _ depot: NARDepot,
        _ tiers: [RemoteTier],
        _ identities: (any IdentityChecker)?,
        maximumOpenObjects: Int,
        _ logger: Logger
    ) throws -> NamedCaches {
        var settings = NamedCaches.Configuration()
        settings.maximumOpenObjects = maximumOpenObjects
        settings.form = tierConfiguration(configuration, descriptors: 0).form
        let named = NamedCaches(
            depot: depot,
            keyring: CacheKeyFiles(
                stateFolder: configuration.server.state,
                hostName: ProcessInfo.processInfo.hostName
            ),
            tiers: tiers,
            identities: identities,
            configuration: settings,
            logger: logger
        )
        try named.declare(configuration.caches.map { ($0.name, $0.settings) })
        named.checkKeys()
        return named
    }

    private static func readers(_ readers: FirnConfiguration.PageReaders) -> PageReaders {
        switch readers {
        case .all: .all
        case .local: .thisMachine
        }
    }

    private static func makeThreads(_ name: String) -> WorkerThreads {
        WorkerThreads(name: name, threads: lookupThreads, maximumQueued: maximumWaitingLookups)
    }

    private static func serve(
        _ services: [any Service],
        _ listener: CacheListener,
        _ logger: Logger
    ) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: quiet(logger)
        )
        // Last, so that it is the first to be told to stop; when it ends, all end.
        configuration.services.append(
            ServiceGroupConfiguration.ServiceConfiguration(
                service: listener,
                successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup
            )
        )
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as ListenError {
            throw ServeError(error)
        }
    }

    private static func openStore(
        _ configuration: FirnConfiguration,
        _ workers: WorkerThreads,
        _ logger: Logger
    ) throws -> NixLocalStore {
        let root = configuration.store.root
        do {
            return try NixLocalStore.open(
                NixStoreConfiguration(root: root),
                workers: workers,
                logger: logger
            )
        } catch let error as LocalStoreError {
            throw ServeError.storeUnreadable(root: root, reason: "\(error)")
        }
    }

    private static func tierConfiguration(
        _ configuration: FirnConfiguration,
        descriptors: Int
    ) -> StoreTier.Configuration {
        var result = StoreTier.Configuration()
        switch configuration.store.compression {
        case .zstd: result.form = .zstd
        case .none: result.form = .identity
        }
        let budget = DescriptorBudget(descriptors)
        result.maximumOpenObjects = budget.objects
        result.maximumOpenStreams = budget.streams
        return result
    }

    private static func openTLS(_ configuration: FirnConfiguration) throws -> TLSIdentity? {
        guard let files = configuration.tls else { return nil }
        do {
            return try TLSIdentity(certificatePath: files.certificate, keyPath: files.key)
        } catch let error as TLSFileError {
            throw ServeError.unusableTLS(path: error.path, reason: error.reason)
        }
    }

    private static func serverConfiguration(
        _ configuration: FirnConfiguration,
        _ tls: TLSIdentity?,
        descriptors: Int
    ) -> ServerConfiguration {
        let server = configuration.server
        var result = ServerConfiguration(addresses: server.listen.map(ListenAddress.init))
        result.tls = tls
        result.controlSocket = configuration.controlSocket
        result.unixSocketMode = server.socketMode
        result.idleTimeout = server.idleTimeout.duration
        result.drainLimit = server.drainLimit.duration
        result.maximumConnections = DescriptorBudget(descriptors).connections
        return result
    }

    private static func makeLogger(_ level: Logger.Level) -> Logger {
        var logger = Logger(label: "firn") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        return logger
    }

    /// The service group tells of every step at `info`; its user wants only what goes wrong.
    private static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        return quiet
    }

    /// Thousands of connections need more than the usual 1,024 descriptors.
    ///
    /// - Returns: How many this process may have.
    private static func allowManyDescriptors(_ logger: Logger) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return 1_024 }
        let before = limit.rlim_cur
        limit.rlim_cur = max(before, min(limit.rlim_max, 65_536))
        guard unsafe setrlimit(resource, &limit) == 0 else {
            logger.info("few descriptors", metadata: ["errno": "\(errno)"])
            return Int(clamping: before)
        }
        return Int(clamping: limit.rlim_cur)
    }

    private static func announce(
        _ addresses: [ListenAddress],
        _ tier: StoreTier,
        isSecure: Bool
    ) async {
        let places = addresses.map(ServeAddress.init)
        let instructions = ClientInstructions(
            urls: ClientURLs.ofThisMachine(isTLS: isSecure).urls(for: places),
            sockets: ClientURLs.sockets(among: places),
            publicKeys: tier.keys.publicKeys,
            samplePath: await samplePath(tier)
        )
        StandardOutput.write(instructions.text)
    }

    /// A path that was registered lately and is not a derivation.
    private static func samplePath(_ tier: StoreTier) async -> String? {
        let deadline = Duration.seconds(2)
        guard let newest = try? await tier.store.newestID(deadline: deadline),
            let recent = try? await tier.store.arrivals(
                after: max(0, newest - 200),
                limit: 200,
                deadline: deadline
            ),
            let path = recent.last(where: { !$0.path.isDerivation })?.path
        else { return nil }
        return tier.storeDirectory.path(of: path)
    }
}

/// Keeps the store's picture of its database current.
private struct StoreWatch: Service {
    let store: NixLocalStore

    func run() async throws {
        await cancelWhenGracefulShutdown { try? await store.run() }
    }
}
