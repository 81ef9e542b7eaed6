// SPDX-License-Identifier: Apache-2.0
package import Caches
import GRDB
package import NixFormat

extension SQLiteCatalog {
    package func findMember(_ hash: StorePathHash, in cache: CacheName) throws -> MemberEntry? {
        let entry = try read { try Self.member(hash, cache, $0) }
        return entry?.state == .present ? entry : nil
    }

    package func present(
        _ hashes: Set<StorePathHash>,
        in cache: CacheName
    ) throws -> Set<StorePathHash> {
        try read { try Self.present(hashes, cache, $0) }
    }

    package func listMembers(
        of cache: CacheName,
        after: StorePathHash?,
        limit: Int
    ) throws -> [MemberEntry] {
        try read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT \(Self.memberColumns) FROM member
                    WHERE cache = ? AND path_hash > ? AND +state = 0 ORDER BY path_hash LIMIT ?
                    """
            )
            let arguments: StatementArguments = ["\(cache)", after.map { "\($0)" } ?? "", limit]
            return try Row.fetchAll(statement, arguments: arguments).map(Self.memberEntry)
        }
    }

    package func leastRecentlyUsedMembers(
        of cache: CacheName,
        after: MemberEntry?,
        limit: Int
    ) throws -> [MemberEntry] {
        try read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT \(Self.memberColumns) FROM member INDEXED BY member_by_use
                    WHERE cache = ? AND state = 0 AND (used_at, id) > (?, ?)
                    ORDER BY used_at, id LIMIT ?
                    """
            )
            let arguments: StatementArguments = [
                "\(cache)", after?.record.usedAt ?? -1, after?.id ?? 0, limit,
            ]
            return try Row.fetchAll(statement, arguments: arguments).map(Self.memberEntry)
        }
    }

    package func caches(holding key: ObjectKey) throws -> [CacheName] {
        try read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT DISTINCT cache FROM member WHERE object_name = ? AND state = 0
                    ORDER BY cache
                    """
            )
            return try String.fetchAll(statement, arguments: ["\(key)"]).map(Self.cacheName)
        }
    }

    package func references(
        of hash: StorePathHash,
        in cache: CacheName
    ) throws -> Set<StorePathHash> {
        try read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT reference_hash FROM member_reference WHERE cache = ? AND path_hash = ?"
            )
            let texts = try String.fetchAll(statement, arguments: ["\(cache)", "\(hash)"])
            return Set(try texts.map(Self.pathHash))
        }
    }

    package func references(
        after: StorePathHash?,
        through last: StorePathHash,
        in cache: CacheName
    ) throws -> [StorePathHash: Set<StorePathHash>] {
        try read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT path_hash, reference_hash FROM member_reference
                    WHERE cache = ? AND path_hash > ? AND path_hash <= ?
                    """
            )
            let arguments: StatementArguments = [
                "\(cache)", after.map { "\($0)" } ?? "", "\(last)",
            ]
            var found: [StorePathHash: Set<StorePathHash>] = [:]
            let rows = try Row.fetchCursor(statement, arguments: arguments)
            while let row = try rows.next() {
                let path = try Self.pathHash(row[0])
                found[path, default: []].insert(try Self.pathHash(row[1]))
            }
            return found
        }
    }

    package func referrers(
        of hash: StorePathHash,
        in cache: CacheName
    ) throws -> Set<StorePathHash> {
        try read { try Self.referrers(hash, cache, $0, limit: .max) }
    }

    package func unsettledMembers() throws -> [MemberEntry] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT \(Self.memberColumns) FROM member WHERE state <> 0"
            )
            .map(Self.memberEntry)
        }
    }

    package func extras(of cache: CacheName, before: Int64, limit: Int) throws -> [CacheExtra] {
        try read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM cache_extra WHERE cache = ? AND used_at < ?
                    ORDER BY used_at LIMIT ?
                    """,
                arguments: ["\(cache)", before, limit]
            )
            .map { name in
                guard let extra = CacheExtra(parsing: name) else { throw RowDefect(name: name) }
                return extra
            }
        }
    }

    package func usage(of cache: CacheName) throws -> CacheUsage {
        try read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT paths, size_bytes FROM cache_usage WHERE cache = ?"
            )
            guard let row = try Row.fetchOne(statement, arguments: ["\(cache)"]) else {
                return CacheUsage()
            }
            return CacheUsage(paths: row[0], sizeBytes: UInt64(row[1] as Int64))
        }
    }

    // MARK: In a transaction

    static let memberColumns = """
        id, cache, state, object_name, size_bytes, narinfo_size_bytes, created_at, used_at
        """

    static func member(
        _ hash: StorePathHash,
        _ cache: CacheName,
        _ database: Database
    ) throws -> MemberEntry? {
        let statement = try database.cachedStatement(
            sql: "SELECT \(memberColumns) FROM member WHERE cache = ? AND path_hash = ?"
        )
        return try Row.fetchOne(statement, arguments: ["\(cache)", "\(hash)"]).map(memberEntry)
    }

    static func present(
        _ hashes: Set<StorePathHash>,
        _ cache: CacheName,
        _ database: Database
    ) throws -> Set<StorePathHash> {
        let statement = try database.cachedStatement(
            sql: "SELECT 1 FROM member WHERE cache = ? AND path_hash = ? AND state = 0"
        )
        return try hashes.filter { hash in
            try Int.fetchOne(statement, arguments: ["\(cache)", "\(hash)"]) != nil
        }
    }

    /// Those that are arriving count: they have been told that what they refer to is there.
    static func referrers(
        _ hash: StorePathHash,
        _ cache: CacheName,
        _ database: Database,
        limit: Int
    ) throws -> Set<StorePathHash> {
        let statement = try database.cachedStatement(
            sql: """
                SELECT path_hash FROM member_reference
                WHERE cache = ?1 AND reference_hash = ?2 AND EXISTS (
                    SELECT 1 FROM member
                    WHERE member.cache = ?1 AND member.path_hash = member_reference.path_hash
                        AND member.state <> 2
                ) LIMIT ?3
                """
        )
        let arguments: StatementArguments = ["\(cache)", "\(hash)", limit]
        return Set(try String.fetchAll(statement, arguments: arguments).map(pathHash))
    }

    static func memberEntry(_ row: Row) throws -> MemberEntry {
        let object: String = row[3]
        guard let key = try? ObjectKey(parsing: object),
            let size = UInt64(exactly: row[4] as Int64),
            let narInfoSize = UInt64(exactly: row[5] as Int64)
        else { throw RowDefect(name: object) }
        return MemberEntry(
            id: row[0],
            cache: try cacheName(row[1]),
            state: ObjectState(rawValue: row[2] as Int) ?? .departing,
            record: MemberRecord(
                key: key,
                sizeBytes: size,
                narInfoSizeBytes: narInfoSize,
                createdAt: row[6],
                usedAt: row[7]
            )
        )
    }

    private static func cacheName(_ text: String) throws -> CacheName {
        guard let name = try? CacheName(parsing: text) else { throw RowDefect(name: text) }
        return name
    }

    private static func pathHash(_ text: String) throws -> StorePathHash {
        guard let hash = try? StorePathHash(parsing: text) else { throw RowDefect(name: text) }
        return hash
    }
}
