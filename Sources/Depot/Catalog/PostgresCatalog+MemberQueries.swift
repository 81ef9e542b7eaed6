// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat

extension PostgresCatalog {
    package func findMember(_ hash: StorePathHash, in cache: CacheName) throws -> MemberEntry? {
        try translatingErrors {
            try pool.query(
                """
                SELECT \(Self.memberColumns) FROM firn.member
                WHERE cache = $1 AND path_hash = $2 AND state = 0
                """,
                .text("\(cache)"),
                .text("\(hash)")
            )
            .first.map(Self.memberEntry)
        }
    }

    package func present(
        _ hashes: Set<StorePathHash>,
        in cache: CacheName
    ) throws -> Set<StorePathHash> {
        guard !hashes.isEmpty else { return [] }
        return try translatingErrors {
            let rows = try pool.query(
                """
                SELECT path_hash FROM firn.member
                WHERE cache = $1 AND path_hash = ANY ($2::text[]) AND state = 0
                """,
                .text("\(cache)"),
                .texts(hashes.map { "\($0)" })
            )
            return Set(try rows.map { try Self.pathHash($0.text(0)) })
        }
    }

    package func listMembers(
        of cache: CacheName,
        after: StorePathHash?,
        limit: Int
    ) throws -> [MemberEntry] {
        try translatingErrors {
            try pool.query(
                """
                SELECT \(Self.memberColumns) FROM firn.member
                WHERE cache = $1 AND path_hash > $2 AND state = 0 ORDER BY path_hash LIMIT $3
                """,
                .text("\(cache)"),
                .text(after.map { "\($0)" } ?? ""),
                .integer(Int64(limit))
            )
            .map(Self.memberEntry)
        }
    }

    package func leastRecentlyUsedMembers(
        of cache: CacheName,
        after: MemberEntry?,
        limit: Int
    ) throws -> [MemberEntry] {
        try translatingErrors {
            try pool.query(
                """
                SELECT \(Self.memberColumns) FROM firn.member
                WHERE cache = $1 AND state = 0 AND (used_at, id) > ($2::bigint, $3::bigint)
                ORDER BY used_at, id LIMIT $4
                """,
                .text("\(cache)"),
                .integer(after?.record.usedAt ?? -1),
                .integer(after?.id ?? 0),
                .integer(Int64(limit))
            )
            .map(Self.memberEntry)
        }
    }

    package func caches(holding key: ObjectKey) throws -> [CacheName] {
        try translatingErrors {
            try pool.query(
                """
                SELECT DISTINCT cache FROM firn.member WHERE object_name = $1 AND state = 0
                ORDER BY cache
                """,
                .text("\(key)")
            )
            .map { try Self.cacheName($0.text(0)) }
        }
    }

    package func references(
        of hash: StorePathHash,
        in cache: CacheName
    ) throws -> Set<StorePathHash> {
        try translatingErrors {
            let rows = try pool.query(
                """
                SELECT reference_hash FROM firn.member_reference
                WHERE cache = $1 AND path_hash = $2
                """,
                .text("\(cache)"),
                .text("\(hash)")
            )
            return Set(try rows.map { try Self.pathHash($0.text(0)) })
        }
    }

    package func references(
        after: StorePathHash?,
        through last: StorePathHash,
        in cache: CacheName
    ) throws -> [StorePathHash: Set<StorePathHash>] {
        try translatingErrors {
            let rows = try pool.query(
                """
                SELECT path_hash, reference_hash FROM firn.member_reference
                WHERE cache = $1 AND path_hash > $2 AND path_hash <= $3
                """,
                .text("\(cache)"),
                .text(after.map { "\($0)" } ?? ""),
                .text("\(last)")
            )
            var found: [StorePathHash: Set<StorePathHash>] = [:]
            for row in rows {
                let path = try Self.pathHash(row.text(0))
                found[path, default: []].insert(try Self.pathHash(row.text(1)))
            }
            return found
        }
    }

    package func referrers(
        of hash: StorePathHash,
        in cache: CacheName
    ) throws -> Set<StorePathHash> {
        try translatingErrors { try pool.snapshot { try Self.referrers(hash, cache, $0) } }
    }

    package func unsettledMembers() throws -> [MemberEntry] {
        try translatingErrors {
            try pool.query("SELECT \(Self.memberColumns) FROM firn.member WHERE state <> 0")
                .map(Self.memberEntry)
        }
    }

    package func extras(of cache: CacheName, before: Int64, limit: Int) throws -> [CacheExtra] {
        try translatingErrors {
            try pool.query(
                """
                SELECT name FROM firn.cache_extra WHERE cache = $1 AND used_at < $2
                ORDER BY used_at LIMIT $3
                """,
                .text("\(cache)"),
                .integer(before),
                .integer(Int64(limit))
            )
            .map { row in
                let name = try row.text(0)
                guard let extra = CacheExtra(parsing: name) else {
                    throw PostgresProblem.unreadable(name)
                }
                return extra
            }
        }
    }

    package func usage(of cache: CacheName) throws -> CacheUsage {
        try translatingErrors {
            let rows = try pool.query(
                "SELECT paths, size_bytes FROM firn.cache_usage WHERE cache = $1",
                .text("\(cache)")
            )
            guard let row = rows.first else { return CacheUsage() }
            return CacheUsage(paths: Int(try row.integer(0)), sizeBytes: try row.size(1))
        }
    }

    package func pins(of cache: CacheName) throws -> [Pin] {
        try translatingErrors {
            try Self.pins(
                pool.query(
                    "SELECT encode(pins, 'hex') FROM firn.cache WHERE name = $1",
                    .text("\(cache)")
                )
            )
        }
    }

    // MARK: In a transaction

    static let memberColumns = """
        id, cache, state, object_name, size_bytes, narinfo_size_bytes, created_at, used_at
        """

    static func member(
        _ hash: StorePathHash,
        _ cache: CacheName,
        _ transaction: PostgresTransaction
    ) throws -> MemberEntry? {
        try transaction.run(
            """
            SELECT \(memberColumns) FROM firn.member WHERE cache = $1 AND path_hash = $2
            """,
            .text("\(cache)"),
            .text("\(hash)")
        )
        .rows.first.map(memberEntry)
    }

    /// Those that are arriving count: they have been told that what they refer to is there.
    static func referrers(
        _ hash: StorePathHash,
        _ cache: CacheName,
        _ transaction: PostgresTransaction
    ) throws -> Set<StorePathHash> {
        let rows = try transaction.run(
            """
            SELECT r.path_hash FROM firn.member_reference r
            JOIN firn.member m ON m.cache = r.cache AND m.path_hash = r.path_hash
            WHERE r.cache = $1 AND r.reference_hash = $2 AND m.state <> 2
            """,
            .text("\(cache)"),
            .text("\(hash)")
        ).rows
        return Set(try rows.map { try pathHash($0.text(0)) })
    }

    static func pins(
        of cache: CacheName,
        _ transaction: PostgresTransaction
    ) throws -> [Pin] {
        try pins(
            transaction.run(
                "SELECT encode(pins, 'hex') FROM firn.cache WHERE name = $1",
                .text("\(cache)")
            ).rows
        )
    }

    private static func pins(_ rows: [PostgresRow]) throws -> [Pin] {
        guard let document = try rows.first?.bytes(0) else { return [] }
        return try PinDocument.parse(document)
    }

    static func memberEntry(_ row: PostgresRow) throws -> MemberEntry {
        let object = try row.text(3)
        guard let key = try? ObjectKey(parsing: object) else {
            throw PostgresProblem.unreadable(object)
        }
        return MemberEntry(
            id: try row.integer(0),
            cache: try cacheName(row.text(1)),
            state: ObjectState(rawValue: Int(try row.integer(2))) ?? .departing,
            record: MemberRecord(
                key: key,
                sizeBytes: try row.size(4),
                narInfoSizeBytes: try row.size(5),
                createdAt: try row.integer(6),
                usedAt: try row.integer(7)
            )
        )
    }

    private static func cacheName(_ text: String) throws -> CacheName {
        guard let name = try? CacheName(parsing: text) else {
            throw PostgresProblem.unreadable(text)
        }
        return name
    }

    private static func pathHash(_ text: String) throws -> StorePathHash {
        guard let hash = try? StorePathHash(parsing: text) else {
            throw PostgresProblem.unreadable(text)
        }
        return hash
    }
}
