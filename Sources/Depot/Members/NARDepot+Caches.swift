// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat
import Synchronization

extension NARDepot {
    /// Which caches and tokens there are.
    ///
    /// Caches are made and changed by the depot itself, which keeps their folders too.
    package var registry: any CacheRegistry {
        CountedRegistry(registry: catalog, changes: changes)
    }

    /// Makes a cache, which is registered and has its folder when this returns.
    ///
    /// - Returns: Whether it was made; `false` leaves the one of that name as it is.
    package func create(_ cache: NamedCache) throws -> Bool {
        try cacheChanges.withLock { _ in
            guard try registry.insert(cache) else { return false }
            do {
                try objects.makeCache(cache.name)
                try writeTexts(of: cache)
            } catch {
                _ = try? registry.deleteCache(cache.name)
                try? objects.removeCache(cache.name)
                throw error
            }
            return true
        }
    }

    /// Changes what is registered of a cache.
    ///
    /// `change`: Is handed what is registered at that moment, and may throw.
    /// - Returns: What is registered then; `nil` when there is no such cache.
    package func update(
        _ name: CacheName,
        _ change: (inout NamedCache) throws -> Void
    ) throws -> NamedCache? {
        try cacheChanges.withLock { _ in
            guard var cache = try catalog.findCache(name) else { return nil }
            try change(&cache)
            precondition(cache.name == name, "a cache keeps its name")
            guard try registry.update(cache) else { return nil }
            try writeTexts(of: cache)
            return cache
        }
    }

    /// Deletes a cache with everything in it; objects that nothing else names go as well.
    ///
    /// - Returns: Whether it was there.
    /// - Throws: The failure of a file or the catalog; the next opening, or call, goes on with it.
    package func delete(_ name: CacheName) throws -> Bool {
        try cacheChanges.withLock { _ in
            // Without its document the folder is no cache, should the catalog be lost meanwhile.
            try objects.remove(.ofCache(name, .document))
            let wasThere = try registry.deleteCache(name)
            // A new one of this name would have none of the paths.
            changes.noteDeparture()
            try objects.removeCache(name)
            while let piece = try catalog.deleteMembers(of: name, limit: Self.deletedTogether) {
                ledger.forget(piece.textBlockBytes)
                try letGo(piece.objects)
            }
            return wasThere
        }
    }

    private static let deletedTogether = 256

    package func pins(of name: CacheName) throws -> [Pin] { try catalog.pins(of: name) }

    /// Changes the pins of a cache, if a path is in it; as `MemberCatalog` has it.
    package func changePins(
        of name: CacheName,
        requiring hash: StorePathHash?,
        _ change: (inout [Pin]) -> Void
    ) throws -> [Pin]? {
        try cacheChanges.withLock { _ in
            guard let pins = try catalog.changePins(of: name, requiring: hash, change) else {
                return nil
            }
            try objects.replace(.ofCache(name, .pins), with: PinDocument.write(pins))
            return pins
        }
    }

    /// Everything that is in a cache, with what refers to what, for whoever plans a collection.
    ///
    /// `body` is called for each path, in no particular order.
    package func forEachMember(
        of name: CacheName,
        _ body: (MemberEntry, Set<StorePathHash>) throws -> Void
    ) throws {
        memberUses.flush(to: catalog, logger)
        var last: StorePathHash?
        while true {
            let page = try catalog.listMembers(of: name, after: last, limit: 1000)
            guard let end = page.last else { return }
            let references = try catalog.references(after: last, through: end.hash, in: name)
            for entry in page { try body(entry, references[entry.hash] ?? []) }
            last = end.hash
        }
    }

    /// Texts of a cache that were put there before an instant, in microseconds of Unix time.
    package func extras(of name: CacheName, before: Int64, limit: Int) throws -> [CacheExtra] {
        try catalog.extras(of: name, before: before, limit: limit)
    }

    package func usage(of name: CacheName) throws -> CacheUsage { try catalog.usage(of: name) }

    private func writeTexts(of cache: NamedCache) throws {
        try objects.replace(.ofCache(cache.name, .document), with: cache.document())
        let info = CacheInfo(
            storeDirectory: configuration.storeDirectory,
            wantsMassQuery: true,
            priority: cache.settings.priority
        )
        try objects.replace(.ofCache(cache.name, .cacheInfo), with: info.write())
    }

    /// Removes objects for members alone that no member named a moment ago.
    func letGo(_ entries: [CatalogEntry]) throws {
        guard !entries.isEmpty else { return }
        try depart(entries, evenIfOpen: true, evenIfHeld: false)
    }
}
