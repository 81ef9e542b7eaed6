// SPDX-License-Identifier: Apache-2.0
import Caches
import Synchronization

/// Caches and tokens in dictionaries.
final class MemoryRegistry: CacheRegistry {
    private struct State {
        var caches: [CacheName: NamedCache] = [:]
        var tokens: [TokenID: AccessToken] = [:]
    }

    private let state = Mutex(State())

    func insert(_ cache: NamedCache) throws -> Bool {
        state.withLock { state in
            guard state.caches[cache.name] == nil else { return false }
            state.caches[cache.name] = cache
            return true
        }
    }

    func findCache(_ name: CacheName) throws -> NamedCache? {
        state.withLock { $0.caches[name] }
    }

    func listCaches() throws -> [NamedCache] {
        state.withLock { $0.caches.values.sorted { $0.name < $1.name } }
    }

    func update(_ cache: NamedCache) throws -> Bool {
        state.withLock { state in
            guard state.caches[cache.name] != nil else { return false }
            state.caches[cache.name] = cache
            return true
        }
    }

    func deleteCache(_ name: CacheName) throws -> Bool {
        state.withLock { $0.caches.removeValue(forKey: name) != nil }
    }

    func insert(_ token: AccessToken) throws -> Bool {
        state.withLock { state in
            guard state.tokens[token.id] == nil,
                !state.tokens.values.contains(where: { $0.digest == token.digest })
            else { return false }
            state.tokens[token.id] = token
            return true
        }
    }

    func findToken(_ digest: TokenDigest) throws -> AccessToken? {
        state.withLock { $0.tokens.values.first { $0.digest == digest } }
    }

    func listTokens() throws -> [AccessToken] {
        state.withLock { state in
            state.tokens.values.sorted { ($0.createdAt, "\($0.id)") < ($1.createdAt, "\($1.id)") }
        }
    }

    func deleteToken(_ id: TokenID) throws -> AccessToken? {
        state.withLock { $0.tokens.removeValue(forKey: id) }
    }
}
