// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
package import NixFormat

extension NamedCaches {
    /// Has a name mean a path that is in the cache, which collection leaves alone from then on with
    /// all that it needs.
    ///
    /// - Throws: ``CacheError/refused(_:)`` when the path is not there.
    package func pin(
        _ hash: StorePathHash,
        as name: String,
        keep: Pin.Keep,
        in cache: CacheName,
        by visitor: Visitor
    ) async throws -> [Pin] {
        try await requirePusher(visitor, of: cache)
        guard Pin.isName(name) else {
            throw CacheError.malformed(
                "a pin's name has 1 to 200 characters, and neither spaces nor slashes"
            )
        }
        let now = Self.now
        let pins = try await asking { depot in
            guard let path = try depot.memberNARInfo(hash, in: cache)?.narInfo.storePath else {
                return [Pin]?.none
            }
            return try depot.changePins(of: cache, requiring: hash) { pins in
                var pin =
                    pins.first { $0.name == name } ?? Pin(name: name, keep: keep, revisions: [])
                pin.add(path, keep: keep, at: now)
                pins.removeAll { $0.name == name }
                pins.append(pin)
            }
        }
        guard let pins else {
            throw CacheError.refused("\(hash) is not in cache \(cache); push it first")
        }
        return pins
    }

    /// The pins of a cache, by name.
    package func pins(of cache: CacheName, for visitor: Visitor) async throws -> [Pin] {
        _ = try await requireVisible(cache, to: visitor)
        return try await asking { try $0.pins(of: cache) }
    }

    /// Forgets a pin with all its revisions.
    ///
    /// - Throws: ``CacheError/notFound`` when there is none of that name.
    package func unpin(
        _ name: String,
        in cache: CacheName,
        by visitor: Visitor
    ) async throws -> [Pin] {
        try await requirePusher(visitor, of: cache)
        return try await asking { depot in
            var wasThere = false
            let pins = try depot.changePins(of: cache, requiring: nil) { pins in
                wasThere = pins.contains { $0.name == name }
                pins.removeAll { $0.name == name }
            }
            guard let pins, wasThere else { throw CacheError.notFound }
            return pins
        }
    }

    private func requirePusher(_ visitor: Visitor, of cache: CacheName) async throws {
        _ = try await requireVisible(cache, to: visitor)
        guard visitor.may(.push, cache) else {
            throw CacheError.notAllowed(
                "this needs a token that allows push on \(cache)",
                hasCredentials: visitor != .anonymous
            )
        }
    }
}
