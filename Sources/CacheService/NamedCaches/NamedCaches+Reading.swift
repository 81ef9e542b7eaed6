// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
package import NixFormat

extension NamedCaches {
    /// More than the largest system that we know of.
    private static let maximumClosurePaths = 50_000

    /// What a cache says of itself to a client of Nix.
    package func cacheInfo(_ name: CacheName, for visitor: Visitor) async throws -> [UInt8] {
        let cache = try await requireVisible(name, to: visitor)
        return CacheInfo(
            storeDirectory: depot.configuration.storeDirectory,
            wantsMassQuery: true,
            priority: cache.settings.priority
        ).write()
    }

    /// The cache of a name.
    ///
    /// - Throws: ``CacheError/notFound`` for a cache that this visitor may not know of.
    package func find(_ name: CacheName, for visitor: Visitor) async throws -> NamedCache {
        try await requireVisible(name, to: visitor)
    }

    /// The narinfo of a path that is in a cache; `nil` when it is not.
    ///
    /// - Throws: ``CacheError/notFound`` for a cache that this visitor may not know of.
    package func resolveNARInfo(
        _ hash: StorePathHash,
        in name: CacheName,
        for visitor: Visitor
    ) async throws -> NARInfoAnswer? {
        try await asking { [self] depot in
            _ = try visible(name, visitor)
            guard let kept = try depot.useMember(hash, in: name) else { return nil }
            return answer(kept, from: name)
        }
    }

    /// The narinfos of all that a path needs and that is in the cache, dependencies first.
    ///
    /// - Shape: ``NARInfoClosure``.
    package func resolveClosure(
        _ hash: StorePathHash,
        in name: CacheName,
        for visitor: Visitor
    ) async throws -> [UInt8]? {
        try await asking(within: configuration.changeDeadline) { [self] depot in
            _ = try visible(name, visitor)
            guard let root = try depot.useMember(hash, in: name) else { return nil }
            var texts: [[UInt8]] = []
            var visited: Set<StorePathHash> = [hash]
            var stack: [(kept: KeptNARInfo, next: Int)] = [(root, 0)]
            while let (kept, next) = stack.last {
                let references = kept.narInfo.references
                guard next < references.count else {
                    texts.append(kept.narInfo.write(in: depot.configuration.storeDirectory))
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                guard visited.count < Self.maximumClosurePaths,
                    visited.insert(references[next].hash).inserted,
                    let found = try depot.useMember(references[next].hash, in: name)
                else { continue }
                stack.append((found, 0))
            }
            return NARInfoClosure.write(texts)
        }
    }

    /// A NAR that a path of the cache names, as it is kept or as it is.
    package func resolveNAR(
        _ request: NARRequest,
        in name: CacheName,
        for visitor: Visitor
    ) async throws -> NARAnswer? {
        try await asking { [self] _ in
            guard visitor.mayRead(try visible(name, visitor)) else { return nil }
            return try nar(request, in: name)
        }
    }

    /// A text of the cache; `nil` when it is not there.
    package func resolveText(
        _ item: CacheItem,
        in name: CacheName,
        for visitor: Visitor
    ) async throws -> RealisationAnswer? {
        guard let extra = item.extra else { return nil }
        return try await asking { [self] depot in
            guard visitor.mayRead(try visible(name, visitor)) else { return nil }
            return try depot.extra(extra, of: name)
                .map { RealisationAnswer(text: $0, from: "\(name)") }
        }
    }

    // MARK: The merged view

    /// The narinfo of a path that is in a public cache, the first by name; with the cache's
    /// signatures alone: who may push to it decides what is in it, and not who runs this server.
    func publicNARInfo(_ hash: StorePathHash) async throws -> NARInfoAnswer? {
        try await asking { [self] depot in
            for cache in try depot.registry.listCaches() where cache.settings.isPublic {
                if let kept = try depot.useMember(hash, in: cache.name) {
                    return answer(kept, from: cache.name)
                }
            }
            return nil
        }
    }

    /// A NAR that a path of a public cache names.
    func publicNAR(_ request: NARRequest) async throws -> NARAnswer? {
        try await asking { [self] depot in
            for cache in try depot.registry.listCaches() where cache.settings.isPublic {
                if let found = try nar(request, in: cache.name) { return found }
            }
            return nil
        }
    }

    // MARK: On a thread that may wait

    private func visible(_ name: CacheName, _ visitor: Visitor) throws -> NamedCache {
        guard let cache = try depot.registry.findCache(name), visitor.maySee(cache) else {
            throw CacheError.notFound
        }
        return cache
    }

    private func answer(_ kept: KeptNARInfo, from name: CacheName) -> NARInfoAnswer {
        NARInfoAnswer(kept.narInfo, in: depot.configuration.storeDirectory, from: "\(name)")
    }

    private func nar(_ request: NARRequest, in name: CacheName) throws -> NARAnswer? {
        guard let narHash = request.narHash, let key = ObjectKey(request, narHash) else {
            return nil
        }
        if let object = try depot.openMember(key, in: name) {
            return NARAnswer(
                content: Self.content(of: object),
                entityTag: key.entityTag,
                allowsRanges: true,
                tierName: "\(name)"
            )
        }
        guard request.form == .identity else { return nil }
        // What is kept compressed can be had as it is as well.
        let packed = try ObjectKey(storeHash: key.storeHash, narHash: narHash, form: .zstd)
        guard let object = try depot.openMember(packed, in: name) else { return nil }
        return NARAnswer(
            content: .source(sizeBytes: try UnpackingSource(object, range: nil).sizeBytes) {
                try UnpackingSource(object, range: $0)
            },
            entityTag: key.entityTag,
            allowsRanges: true,
            tierName: "\(name)"
        )
    }

    private static func content(of object: OpenObject) -> Content {
        guard let descriptor = object.localDescriptor else {
            return .source(sizeBytes: object.info.sizeBytes) { ObjectBytes(object, range: $0) }
        }
        let sizeBytes = object.info.sizeBytes
        return .file(FileContent(descriptor: descriptor, sizeBytes: sizeBytes, owner: object))
    }
}
