// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import Logging
import NixFormat
import NixStore
import ServiceLifecycle
import Upstream

/// The other caches of the configuration, put together.
struct TierAssembly {
    let tiers: [RemoteTier]
    private let client: UpstreamClient
    private let upstreams: [UpstreamTier]

    /// `isLocal`: Whether a path is on this machine anyway, so that nothing is asked ahead for it.
    /// - Throws: `HTTPURL.ParseError` for an address that the configuration let pass and no client takes.
    init(
        _ tiers: some Sequence<(TierSettings, TierSecrets)>,
        node: Node,
        storeDirectory: StoreDirectory,
        isLocal: @escaping @Sendable (StorePath) async -> Bool,
        certificateFile: String?,
        logger: Logger
    ) throws {
        var clientConfiguration = UpstreamClientConfiguration(version: node.version)
        clientConfiguration.certificateFile = certificateFile
        client = UpstreamClient(clientConfiguration)
        var upstreams: [UpstreamTier] = []
        var remotes: [RemoteTier] = []
        for (settings, secrets) in tiers {
            var configuration = UpstreamConfiguration(
                name: settings.name,
                urls: try settings.urls.map { try HTTPURL(parsing: $0.description) },
                trust: UpstreamConfiguration.Trust(settings),
                nodeID: node.id
            )
            configuration.credentials = UpstreamCredentials(secrets)
            configuration.storeDirectory = storeDirectory
            let upstream = UpstreamTier(configuration, client: client, logger: logger)
            upstreams.append(upstream)
            remotes.append(
                RemoteTier(upstream, RemoteTier.Configuration(settings), isLocal: isLocal)
            )
        }
        self.upstreams = upstreams
        self.tiers = remotes
    }

    /// What has to run for the tiers to be known for what they are.
    func services(for cache: TieredCache, logger: Logger) -> [any Service] {
        guard !tiers.isEmpty else { return [] }
        let follower = NetworkFollower(
            cache,
            client: client,
            upstreams: upstreams,
            watch: NetworkWatch(logger: logger)
        )
        return upstreams + [follower]
    }
}

extension NixLocalStore {
    /// Whether a path is here already; when the database is silent, it is taken not to be.
    func mayHave(_ path: StorePath) async -> Bool {
        (try? await findPathInfo(path.hash, deadline: .seconds(1))) != nil
    }
}

extension UpstreamConfiguration.Trust {
    fileprivate init(_ settings: TierSettings) {
        switch settings.trust {
        case .keys: self = .keys(settings.publicKeys)
        case .none: self = .none
        }
    }
}

extension UpstreamCredentials {
    fileprivate init(_ secrets: TierSecrets) {
        switch secrets {
        case .none: self = .none
        case .netrc(let text): self = .netrc(Netrc(parsing: text))
        case .token(let token): self = .token(token)
        }
    }
}

extension RemoteTier.Configuration {
    fileprivate init(_ settings: TierSettings) {
        self.init(
            negativeLifetime: settings.negativeTTL.duration,
            isTrusted: settings.trust == .keys,
            publicKeys: settings.publicKeys,
            delta: settings.delta
        )
    }
}
