// SPDX-License-Identifier: Apache-2.0
package import Caches

extension PostgresCatalog {
    package func insert(_ cache: NamedCache) throws -> Bool {
        try change { transaction in
            try transaction.run(
                """
                INSERT INTO firn.cache (name, document) VALUES ($1, $2::bytea)
                ON CONFLICT DO NOTHING
                """,
                .text("\(cache.name)"),
                .bytes(cache.document())
            ).changedCount == 1
        }
    }

    package func findCache(_ name: CacheName) throws -> NamedCache? {
        try translatingErrors {
            try pool.query(
                "SELECT encode(document, 'hex') FROM firn.cache WHERE name = $1",
                .text("\(name)")
            )
            .first.map(Self.cache)
        }
    }

    package func listCaches() throws -> [NamedCache] {
        try translatingErrors {
            try pool.query("SELECT encode(document, 'hex') FROM firn.cache ORDER BY name")
                .map(Self.cache)
        }
    }

    package func update(_ cache: NamedCache) throws -> Bool {
        try change { transaction in
            try transaction.run(
                "UPDATE firn.cache SET document = $1::bytea WHERE name = $2",
                .bytes(cache.document()),
                .text("\(cache.name)")
            ).changedCount == 1
        }
    }

    package func deleteCache(_ name: CacheName) throws -> Bool {
        // So that nothing is just being admitted to it.
        try change(holding: .members(of: "\(name)")) { transaction in
            try transaction.run("DELETE FROM firn.cache WHERE name = $1", .text("\(name)"))
                .changedCount == 1
        }
    }

    package func insert(_ token: AccessToken) throws -> Bool {
        try change { transaction in
            try transaction.run(
                """
                INSERT INTO firn.token (
                    id, digest_prefix, digest, label, caches, permissions, created_at, expires_at
                ) VALUES ($1, $2::bytea, $3::bytea, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
                """,
                .text("\(token.id)"),
                .bytes(Array(token.digest.prefix)),
                .bytes(Array(token.digest.bytes)),
                .text(token.label),
                .text("\(token.caches)"),
                .integer(Int64(token.permissions.rawValue)),
                .integer(token.createdAt),
                token.expiresAt.map { .integer($0) } ?? .null
            ).changedCount == 1
        }
    }

    /// Found by a part of the digest, and compared as a whole in constant time.
    package func findToken(_ digest: TokenDigest) throws -> AccessToken? {
        let found = try translatingErrors {
            try pool.query(
                "SELECT \(Self.tokenColumns) FROM firn.token WHERE digest_prefix = $1::bytea",
                .bytes(Array(digest.prefix))
            )
            .first.map(Self.token)
        }
        guard let found, found.digest == digest else { return nil }
        return found
    }

    package func listTokens() throws -> [AccessToken] {
        try translatingErrors {
            try pool.query("SELECT \(Self.tokenColumns) FROM firn.token ORDER BY created_at, id")
                .map(Self.token)
        }
    }

    package func deleteToken(_ id: TokenID) throws -> AccessToken? {
        try change { transaction in
            try transaction.run(
                "DELETE FROM firn.token WHERE id = $1 RETURNING \(Self.tokenColumns)",
                .text("\(id)")
            )
            .rows.first.map(Self.token)
        }
    }

    private static let tokenColumns = """
        id, encode(digest, 'hex'), label, caches, permissions, created_at, expires_at
        """

    private static func cache(_ row: PostgresRow) throws -> NamedCache {
        do {
            return try NamedCache(document: row.bytes(0) ?? [])
        } catch let error as NamedCache.DocumentError {
            throw PostgresProblem.unreadable("a cache: \(error.reason)")
        }
    }

    private static func token(_ row: PostgresRow) throws -> AccessToken {
        let id = try row.text(0)
        let digest = try row.bytes(1) ?? []
        guard let number = TokenID(parsing: id), digest.count == 32,
            let pattern = try? CachePattern(parsing: row.text(3))
        else { throw PostgresProblem.unreadable("the token \(id)") }
        return AccessToken(
            id: number,
            digest: TokenDigest(digest),
            label: try row.text(2),
            caches: pattern,
            permissions: Permissions(rawValue: Int(try row.integer(4))),
            createdAt: try row.integer(5),
            expiresAt: row.isNull(6) ? nil : try row.integer(6)
        )
    }
}
