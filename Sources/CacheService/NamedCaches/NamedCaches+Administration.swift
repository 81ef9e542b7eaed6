// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
import NixFormat

/// A cache and what it takes.
package struct CacheStanding: Sendable {
    package let cache: NamedCache
    package let paths: Int
    /// Objects, narinfos and other texts; what caches share counts in each.
    package let sizeBytes: UInt64
}

extension NamedCaches {
    /// Makes a cache.
    ///
    /// - Throws: ``CacheError/conflict(_:)`` when there is one of that name,
    ///   ``CacheError/malformed(_:)`` for settings that cannot be, ``CacheError/notAllowed(_:hasCredentials:)``.
    package func create(
        _ name: CacheName,
        _ settings: CacheSettings,
        by visitor: Visitor
    ) async throws -> CacheStanding {
        try requireAdministrator(visitor)
        guard visitor.may(.admin, name) else {
            throw CacheError.notAllowed(
                "this token may not administer a cache called \(name)",
                hasCredentials: true
            )
        }
        try check(settings)
        return try await asking { [self] _ in
            guard let cache = try make(name, settings, isDeclared: false) else {
                throw CacheError.conflict("there is a cache called \(name) already")
            }
            return try standing(of: cache)
        }
    }

    /// The caches that this visitor administers, by name.
    package func list(for visitor: Visitor) async throws -> [CacheStanding] {
        try requireAdministrator(visitor)
        return try await asking { [self] depot in
            try depot.registry.listCaches().filter { visitor.may(.admin, $0.name) }
                .map(standing)
        }
    }

    package func info(_ name: CacheName, for visitor: Visitor) async throws -> CacheStanding {
        try requireAdministrator(visitor)
        return try await asking { [self] depot in
            guard visitor.may(.admin, name), let cache = try depot.registry.findCache(name) else {
                throw CacheError.notFound
            }
            return try standing(of: cache)
        }
    }

    /// Changes settings of a cache.
    ///
    /// `change`: Is handed the settings as they are.
    /// - Throws: ``CacheError/conflict(_:)`` for a cache that the configuration declares.
    package func configure(
        _ name: CacheName,
        by visitor: Visitor,
        _ change: @escaping @Sendable (inout CacheSettings) -> Void
    ) async throws -> CacheStanding {
        try requireAdministrator(visitor)
        return try await asking { [self] depot in
            guard visitor.may(.admin, name) else { throw CacheError.notFound }
            let changed = try depot.update(name) { cache in
                try Self.requireUndeclared(cache)
                change(&cache.settings)
                try check(cache.settings)
            }
            guard let changed else { throw CacheError.notFound }
            return try standing(of: changed)
        }
    }

    /// Deletes a cache with all that is in it; its key stays, for a cache of the same name.
    package func delete(_ name: CacheName, by visitor: Visitor) async throws -> CacheStanding {
        try requireAdministrator(visitor)
        return try await asking(within: configuration.changeDeadline) { [self] depot in
            guard visitor.may(.admin, name), let cache = try depot.registry.findCache(name) else {
                throw CacheError.notFound
            }
            try Self.requireUndeclared(cache)
            let last = try standing(of: cache)
            guard try depot.delete(name) else { throw CacheError.notFound }
            return last
        }
    }

    /// Brings the caches to what the configuration declares; others become the commands' to change.
    ///
    /// To be called at start, on a thread that may wait.
    package func declare(_ caches: [(name: CacheName, settings: CacheSettings)]) throws {
        let declared = Set(caches.map(\.name))
        for known in try depot.registry.listCaches()
        where known.isDeclared && !declared.contains(known.name) {
            _ = try depot.update(known.name) { $0.isDeclared = false }
        }
        for (name, settings) in caches {
            let known = try depot.update(name) { cache in
                cache.settings = settings
                cache.isDeclared = true
            }
            if known == nil { _ = try make(name, settings, isDeclared: true) }
        }
    }

    // MARK: On a thread that may wait

    private func make(
        _ name: CacheName,
        _ settings: CacheSettings,
        isDeclared: Bool
    ) throws -> NamedCache? {
        guard try depot.registry.findCache(name) == nil else { return nil }
        let cache = NamedCache(
            name: name,
            settings: settings,
            publicKey: try keyring.make(name).publicKey,
            createdAt: Self.now,
            isDeclared: isDeclared
        )
        return try depot.create(cache) ? cache : nil
    }

    private func standing(of cache: NamedCache) throws -> CacheStanding {
        let usage = try depot.usage(of: cache.name)
        return CacheStanding(cache: cache, paths: usage.paths, sizeBytes: usage.sizeBytes)
    }

    private static func requireUndeclared(_ cache: NamedCache) throws {
        guard cache.isDeclared else { return }
        throw CacheError.conflict(
            "cache \(cache.name) is declared in the server's firn.toml; change it there and restart"
        )
    }

    private func check(_ settings: CacheSettings) throws {
        let names = tiers.map(\.name)
        for upstream in settings.upstreams ?? [] where !names.contains(upstream) {
            let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
            throw CacheError.malformed("the server has no tier called \"\(upstream)\"; \(known)")
        }
    }
}

extension NamedCaches {
    /// - Throws: ``CacheError/notAllowed(_:hasCredentials:)`` for whom there is nothing to administer.
    func requireAdministrator(_ visitor: Visitor) throws {
        switch visitor {
        case .anonymous:
            throw CacheError.notAllowed(
                "this needs a token that allows admin, and is not expired or revoked",
                hasCredentials: false
            )
        case .vouched:
            throw CacheError.notAllowed(
                "an identity never allows admin; make a token for that",
                hasCredentials: true
            )
        case .token where !visitor.isAdministrator:
            throw CacheError.notAllowed("this token does not allow admin", hasCredentials: true)
        case .token, .owner: break
        }
    }
}
