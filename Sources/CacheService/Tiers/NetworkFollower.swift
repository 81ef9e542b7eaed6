// SPDX-License-Identifier: Apache-2.0
import ServiceLifecycle
package import Upstream

/// Forgets what other caches said and did when this machine gets another network.
package struct NetworkFollower: Service {
    private let cache: TieredCache
    private let client: UpstreamClient
    private let upstreams: [UpstreamTier]
    private let watch: NetworkWatch

    package init(
        _ cache: TieredCache,
        client: UpstreamClient,
        upstreams: [UpstreamTier],
        watch: NetworkWatch
    ) {
        self.cache = cache
        self.client = client
        self.upstreams = upstreams
        self.watch = watch
    }

    package func run() async throws {
        for await _ in watch.changes().cancelOnGracefulShutdown() {
            client.networkChanged()
            for upstream in upstreams { upstream.networkChanged() }
            cache.networkChanged()
        }
    }
}
