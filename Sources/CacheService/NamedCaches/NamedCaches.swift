// SPDX-License-Identifier: Apache-2.0
package import Caches
package import Depot
import Foundation
package import Logging
import NixFormat
import NixStore
import Synchronization

/// The caches that can be pushed to: who may do what with them, and what is in them.
///
/// Every question names its ``Caches/Visitor``, and what one may not know of is `nil` or
/// ``CacheError/notFound``, as what is not there. Safe to ask from any number of threads.
package final class NamedCaches: Sendable {
    package struct Configuration: Sendable {
        /// How long the catalog and a file may take to be looked at.
        package var lookupDeadline: Duration = .seconds(5)
        /// How long deleting or collecting a cache may take.
        package var changeDeadline: Duration = .seconds(600)
        /// How long a NAR waits for its narinfo.
        package var uploadLifetime: Duration = .seconds(3_600)
        /// What was used so lately does not go for a quota: a push may rely on it.
        package var graceSeconds: Int64 = 3_600
        /// The form that pushed NARs are kept in.
        package var form = NARForm.zstd
        /// Objects that are kept open for the next request.
        package var maximumOpenObjects = 256

        package init() {}
    }

    package let depot: NARDepot
    let keyring: any CacheKeyring
    /// Other caches whose paths may be referred to, by the names that the configuration gives them.
    let tiers: [RemoteTier]
    /// `nil` where no issuer of identities is believed.
    private let identities: (any IdentityChecker)?
    package let configuration: Configuration
    let logger: Logger
    let workers: WorkerThreads
    /// Unpack, hash and pack what is sent.
    let uploaders: WorkerThreads
    let staged: StagedNARs
    let shares = QuotaShares()
    let uploads = LargeUploads()
    let rooms = CheckRooms()
    /// Nobody else knows it, and it ends with the process.
    let nonceSecret: [UInt8]
    let memory: NamedMemory
    let tally = CacheTally()
    /// Each is unpacked and packed again, with some 15 MB for both.
    let slots = UploadSlots(maximum: 8)
    /// Bodies that are kept as they come, with a few megabytes at most.
    let keepingSlots = UploadSlots(maximum: 16)
    private let wholeBodies = UploadSlots(maximum: 2)
    let multipart: MultipartUploads
    let waiting = WaitingPaths()
    private let keys = Mutex<[CacheName: SecretKey]>([:])

    private static let workerThreads = 4
    private static let uploadThreads = max(2, ProcessInfo.processInfo.activeProcessorCount)
    private static let maximumWaiting = 10_000

    package init(
        depot: NARDepot,
        keyring: any CacheKeyring,
        tiers: [RemoteTier],
        identities: (any IdentityChecker)? = nil,
        configuration: Configuration,
        logger: Logger
    ) {
        self.depot = depot
        self.keyring = keyring
        self.tiers = tiers
        self.identities = identities
        self.configuration = configuration
        self.logger = logger
        memory = NamedMemory(depot.changes, maximumObjects: configuration.maximumOpenObjects)
        staged = StagedNARs(lifetime: configuration.uploadLifetime)
        var generator = SystemRandomNumberGenerator()
        nonceSecret = (0..<32).map { _ in generator.next() }
        multipart = MultipartUploads(lifetime: configuration.uploadLifetime)
        uploaders = WorkerThreads(
            name: "uploads",
            threads: Self.uploadThreads,
            maximumQueued: Self.maximumWaiting
        )
        workers = WorkerThreads(
            name: "caches",
            threads: Self.workerThreads,
            maximumQueued: Self.maximumWaiting
        )
    }

    /// Seconds of Unix time.
    static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    /// Who a secret makes its bearer; nobody for one that is not known, has ended or was revoked.
    ///
    /// From memory only while no token has changed, so that what is revoked is so at once.
    package func visitor(with secret: TokenSecret) async throws -> Visitor {
        let digest = secret.digest
        let moment = memory.now
        let known = memory.token(digest)
        let token: AccessToken?
        if let known {
            token = known
        } else {
            token = try await asking { try $0.registry.findToken(digest) }
        }
        guard let token, token.isValid(at: Self.now) else { return .anonymous }
        if known == nil { memory.remember(token, since: moment) }
        return .token(token)
    }

    /// Who a token of an issuer makes its bearer; nobody where that issuer is not believed.
    package func visitor(with token: IdentityToken) async -> Visitor {
        await identities?.visitor(with: token) ?? .anonymous
    }

    /// A cache that this visitor may know of.
    func requireVisible(_ name: CacheName, to visitor: Visitor) async throws -> NamedCache {
        guard let cache = try await asking({ try $0.registry.findCache(name) }),
            visitor.maySee(cache)
        else { throw CacheError.notFound }
        return cache
    }

    /// Waits until a large body may be held in memory; until what is returned is let go.
    package func wholeBodySlot() async throws -> any Sendable { try await wholeBodies.take() }

    /// Waits for the depot, on a thread that may.
    ///
    /// - Throws: ``CacheError``; what the depot throws is ``CacheError/storageUnavailable(_:)``.
    func asking<Value: Sendable>(
        within limit: Duration? = nil,
        _ body: @escaping @Sendable (NARDepot) throws -> Value
    ) async throws -> Value {
        do {
            return try await workers.run(deadline: limit ?? configuration.lookupDeadline) {
                [depot] in
                try body(depot)
            }
        } catch let error as CacheError {
            throw error
        } catch {
            throw CacheError(error)
        }
    }

    /// The key of a cache, as it was when the cache was made.
    ///
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when it is gone or another: nothing is signed by
    ///   a key that clients do not know.
    func signingKey(of cache: NamedCache) throws -> SecretKey {
        if let known = keys.withLock({ $0[cache.name] }), known.publicKey == cache.publicKey {
            return known
        }
        guard let key = try keyring.find(cache.name) else {
            throw CacheError.storageUnavailable(CacheKeyLoss(cache: cache.name, found: nil))
        }
        guard key.publicKey == cache.publicKey else {
            throw CacheError.storageUnavailable(
                CacheKeyLoss(cache: cache.name, found: key.publicKey)
            )
        }
        keys.withLock { $0[cache.name] = key }
        return key
    }

    /// Looks whether every cache has its key, and tells the log of those that do not.
    package func checkKeys() {
        do {
            for cache in try depot.registry.listCaches() {
                do {
                    _ = try signingKey(of: cache)
                } catch CacheError.storageUnavailable(let cause) {
                    logger.error("cannot be pushed to", metadata: ["cause": "\(cause)"])
                }
            }
        } catch {
            logger.error("the keys of caches were not looked at", metadata: ["cause": "\(error)"])
        }
    }
}

/// A cache cannot sign any more.
package struct CacheKeyLoss: Error, CustomStringConvertible {
    let cache: CacheName
    let found: PublicKey?

    package var description: String {
        let what = found.map { "is another one, \($0)" } ?? "is not there"
        return "the signing key of cache \(cache) \(what); put the one back that it was made with"
    }
}

extension CacheError {
    /// What the depot's refusal means to who pushes.
    init(_ error: any Error) {
        switch error {
        case DepotError.full, DepotError.diskFull:
            self = .noRoom("the depot has no room for it")
        default: self = .storageUnavailable(error)
        }
    }
}
