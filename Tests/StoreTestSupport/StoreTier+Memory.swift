// SPDX-License-Identifier: Apache-2.0
package import CacheService
import Logging
package import NixFormat
import NixStore

extension StoreTier {
    /// The tier over a store in memory, without a depot.
    package static func over(_ store: MemoryStore, keys: [SecretKey] = []) -> StoreTier {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return StoreTier(
            store: store,
            depot: nil,
            keys: SigningKeys(keys),
            configuration: Configuration(),
            workers: WorkerThreads(name: "test", threads: 2, maximumQueued: 100),
            logger: logger
        )
    }
}

extension TieredCache {
    /// The whole cache over one store, with other caches behind it.
    package static func over(
        _ store: StoreTier,
        tiers: [RemoteTier] = [],
        maximumTransfers: Int = 100
    ) -> TieredCache {
        TieredCache(
            store: store,
            tiers: tiers,
            configuration: Configuration(
                transitDirectory: "/tmp",
                maximumTransfers: maximumTransfers
            ),
            logger: store.logger
        )
    }
}

extension StorePath {
    /// A path of this name whose hash follows from it.
    package static func named(_ name: String) throws -> StorePath {
        var hasher = SHA256Hasher()
        hasher.update(Array(name.utf8))
        return try StorePath(
            hash: StorePathHash(bytes: Array(hasher.finalize().digest.prefix(20))),
            name: name
        )
    }
}
