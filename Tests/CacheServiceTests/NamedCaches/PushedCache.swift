// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import Depot
import Foundation
import Logging
import NixFormat
import Synchronization
import Testing

/// Paths that refer to each other, to be pushed to a cache.
struct PushedPath: Sendable {
    let path: StorePath
    let nar: [UInt8]
    let references: [StorePath]

    var hash: StorePathHash { path.hash }
    var narHash: NixHash { SHA256Hasher.hash(nar) }
    var sentName: String { "\(narHash.digestText(.nix32)).nar" }

    var narInfo: [UInt8] {
        NARInfo(
            storePath: path,
            url: "nar/\(sentName)",
            compression: .none,
            narHash: narHash,
            narSizeBytes: UInt64(nar.count),
            references: references
        ).write(in: .standard)
    }

    /// Number `n` refers to `n / 2` and `n / 3`, and itself.
    static func universe(_ count: Int) throws -> [PushedPath] {
        var paths: [PushedPath] = []
        for number in 0..<count {
            let digest = SHA256Hasher.hash(Array("path \(number)".utf8)).digest
            let hash = try StorePathHash(bytes: Array(digest.prefix(20)))
            let path = try StorePath(hash: hash, name: "path-\(number)")
            let below = number == 0 ? [] : Set([number / 2, number / 3]).sorted()
            // Two of them have the same bytes, as builds do.
            let size = 2_000 + number / 2 * 2 % 9 * 700
            paths.append(
                PushedPath(
                    path: path,
                    nar: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* (number / 2 + 3)) },
                    references: below.map { paths[$0].path } + [path]
                )
            )
        }
        return paths
    }
}

/// A key for each cache, in memory.
final class MemoryKeyring: CacheKeyring {
    private let keys = Mutex<[CacheName: SecretKey]>([:])

    func find(_ name: CacheName) throws -> SecretKey? { keys.withLock { $0[name] } }

    func make(_ name: CacheName) throws -> SecretKey {
        if let known = try find(name) { return known }
        let key = try SecretKey.generate(name: "\(name).test-1")
        keys.withLock { $0[name] = key }
        return key
    }
}

/// A depot with one cache, over a folder.
struct PushedCache {
    static let name = "team"
    let depot: NARDepot
    let caches: NamedCaches
    let cache: CacheName

    static func open(
        _ folder: String,
        _ keyring: MemoryKeyring,
        settings: CacheSettings = CacheSettings(),
        lifetime: Duration = .seconds(3_600),
        onStep: @escaping @Sendable (DepotStep) throws -> Void = { _ in }
    ) throws -> PushedCache {
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let depot = try NARDepot.open(
            DepotConfiguration(directory: folder, maximumSizeBytes: 1 << 30),
            logger: silent,
            onStep: onStep
        )
        var configuration = NamedCaches.Configuration()
        // What was just used may go: there is no push in these tests that could not come again.
        configuration.graceSeconds = -10
        configuration.uploadLifetime = lifetime
        let caches = NamedCaches(
            depot: depot,
            keyring: keyring,
            tiers: [],
            configuration: configuration,
            logger: silent
        )
        let cache = try CacheName(parsing: name)
        if try depot.registry.findCache(cache) == nil {
            try caches.declare([(name: cache, settings: settings)])
        }
        return PushedCache(depot: depot, caches: caches, cache: cache)
    }

    func send(_ path: PushedPath) async throws {
        let name = try #require(SentNARName(parsing: path.sentName))
        try await put(path.nar, as: .sentNAR(name))
    }

    func describe(_ path: PushedPath) async throws {
        try await put(path.narInfo, as: .narInfo(path.hash))
    }

    private func put(_ body: [UInt8], as item: CacheItem) async throws {
        let length = UInt64(body.count)
        let sink = try await caches.accept(item, into: cache, by: .owner, lengthBytes: length)
        try await sink.write(body)
        try await sink.finish()
    }

    /// Any narinfo that can be seen has its whole closure, and its right bytes; so has any pin.
    ///
    /// - Returns: What can be seen.
    @discardableResult
    func verify(_ universe: [PushedPath], _ note: String) throws -> Set<StorePathHash> {
        var visible: Set<StorePathHash> = []
        for path in universe where try depot.memberNARInfo(path.hash, in: cache) != nil {
            visible.insert(path.hash)
        }
        for path in universe where visible.contains(path.hash) {
            let kept = try #require(try depot.memberNARInfo(path.hash, in: cache))
            #expect(kept.narInfo.narHash == path.narHash)
            #expect(kept.narInfo.signatures.count == 1)
            for reference in path.references {
                #expect(
                    visible.contains(reference.hash),
                    "\(note): \(path.path) lacks \(reference)"
                )
            }
            let object = try #require(try depot.openMember(kept.key, in: cache), "\(note)")
            #expect(try ObjectVerification.holdsItsNAR(object), "\(note): \(path.path)")
        }
        for pin in try depot.pins(of: cache) {
            for revision in pin.kept(at: 0) {
                #expect(visible.contains(revision.path.hash), "\(note): \(pin.name)")
            }
        }
        return visible
    }
}
