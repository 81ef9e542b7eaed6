// SPDX-License-Identifier: Apache-2.0
package import Caches
import Foundation
import GRDB

extension SQLiteCatalog {
    package func insert(_ cache: NamedCache) throws -> Bool {
        try write(.durable) { database in
            try database.execute(
                sql: "INSERT INTO cache (name, document) VALUES (?, ?) ON CONFLICT DO NOTHING",
                arguments: ["\(cache.name)", Data(cache.document())]
            )
            return database.changesCount == 1
        }
    }

    package func findCache(_ name: CacheName) throws -> NamedCache? {
        try read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT document FROM cache WHERE name = ?"
            )
            return try Data.fetchOne(statement, arguments: ["\(name)"]).map(Self.cache)
        }
    }

    package func listCaches() throws -> [NamedCache] {
        try read { database in
            try Data.fetchAll(database, sql: "SELECT document FROM cache ORDER BY name")
                .map(Self.cache)
        }
    }

    package func update(_ cache: NamedCache) throws -> Bool {
        try write(.durable) { database in
            try database.execute(
                sql: "UPDATE cache SET document = ? WHERE name = ?",
                arguments: [Data(cache.document()), "\(cache.name)"]
            )
            return database.changesCount == 1
        }
    }

    package func deleteCache(_ name: CacheName) throws -> Bool {
        try write(.durable) { database in
            try database.execute(sql: "DELETE FROM cache WHERE name = ?", arguments: ["\(name)"])
            return database.changesCount == 1
        }
    }

    package func insert(_ token: AccessToken) throws -> Bool {
        try write(.durable) { database in
            try database.execute(
                sql: """
                    INSERT INTO token (
                        id, digest_prefix, digest, label, caches, permissions, created_at, expires_at
                    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                    """,
                arguments: [
                    "\(token.id)", Data(token.digest.prefix), Data(token.digest.bytes),
                    token.label, "\(token.caches)", token.permissions.rawValue, token.createdAt,
                    token.expiresAt,
                ]
            )
            return database.changesCount == 1
        }
    }

    /// Found by a part of the digest, and compared as a whole in constant time.
    package func findToken(_ digest: TokenDigest) throws -> AccessToken? {
        let found = try read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT \(Self.tokenColumns) FROM token WHERE digest_prefix = ?"
            )
            return try Row.fetchOne(statement, arguments: [Data(digest.prefix)]).map(Self.token)
        }
        guard let found, found.digest == digest else { return nil }
        return found
    }

    package func listTokens() throws -> [AccessToken] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT \(Self.tokenColumns) FROM token ORDER BY created_at, id"
            )
            .map(Self.token)
        }
    }

    package func deleteToken(_ id: TokenID) throws -> AccessToken? {
        try write(.durable) { database in
            let row = try Row.fetchOne(
                database,
                sql: "DELETE FROM token WHERE id = ? RETURNING \(Self.tokenColumns)",
                arguments: ["\(id)"]
            )
            return try row.map(Self.token)
        }
    }

    private static let tokenColumns =
        "id, digest, label, caches, permissions, created_at, expires_at"

    private static func cache(_ document: Data) throws -> NamedCache {
        do {
            return try NamedCache(document: Array(document))
        } catch {
            throw RowDefect(name: "a cache: \(error.reason)")
        }
    }

    private static func token(_ row: Row) throws -> AccessToken {
        let id: String = row[0]
        let digest: Data = row[1]
        let caches: String = row[3]
        guard let number = TokenID(parsing: id), digest.count == 32,
            let pattern = try? CachePattern(parsing: caches)
        else { throw RowDefect(name: "token \(id)") }
        return AccessToken(
            id: number,
            digest: TokenDigest(Array(digest)),
            label: row[2],
            caches: pattern,
            permissions: Permissions(rawValue: row[4]),
            createdAt: row[5],
            expiresAt: row[6]
        )
    }
}
