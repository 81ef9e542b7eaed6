// SPDX-License-Identifier: Apache-2.0
import GRDB
import Glibc

/// What a client of Nix remembers of caches, on disk: here its misses, which it believes for an hour.
///
/// - Source: Nix 2.8 to 2.35, `nar-info-disk-cache.cc`: the tables `BinaryCaches` and `NARs` of
///   `binary-cache-v6.sqlite` and its successors. Locks are SQLite's own, so that a Nix may run
///   meanwhile.
package struct LookupMemory: Sendable {
    /// A path that a cache did not have.
    package struct Miss: Hashable, Sendable {
        /// The cache's URL without parameters.
        package let cache: String
        /// The 32 characters in front of the path's name.
        package let hashPart: String
        /// When it was asked, in seconds since 1970.
        package let since: Int64

        package init(cache: String, hashPart: String, since: Int64) {
            self.cache = cache
            self.hashPart = hashPart
            self.since = since
        }
    }

    package let path: String

    /// The versions of the file that a Nix may have.
    private static let versions = 5...20
    private static let patienceSeconds = 1.0

    package init(path: String) { self.path = path }

    /// Those of a folder, such as `~/.cache/nix`, that are there.
    package static func all(in folder: String) -> [LookupMemory] {
        versions.map { "\(folder)/binary-cache-v\($0).sqlite" }
            .filter { (path: String) in unsafe access(path, R_OK) == 0 }
            .map { LookupMemory(path: $0) }
    }

    /// The misses that are younger, the youngest first.
    ///
    /// Blocks.
    ///
    /// - Throws: `DatabaseError` where the file cannot be read, or has other tables.
    package func misses(since: Int64, limit: Int) throws -> [Miss] {
        try open(isReadOnly: true).read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT BinaryCaches.url AS url, hashPart, NARs.timestamp AS since
                    FROM NARs JOIN BinaryCaches ON NARs.cache = BinaryCaches.id
                    WHERE present = 0 AND NARs.timestamp >= ?
                    ORDER BY NARs.timestamp DESC LIMIT ?
                    """,
                arguments: [since, limit]
            ).map { Miss(cache: $0["url"], hashPart: $0["hashPart"], since: $0["since"]) }
        }
    }

    /// Takes misses out, unless Nix has asked again since.
    ///
    /// Blocks.
    ///
    /// - Returns: How many there were.
    @discardableResult
    package func forget(_ misses: [Miss]) throws -> Int {
        try open(isReadOnly: false).write { database in
            try misses.reduce(0) { count, miss in
                try database.execute(
                    sql: """
                        DELETE FROM NARs WHERE present = 0 AND hashPart = ? AND timestamp = ?
                        AND cache IN (SELECT id FROM BinaryCaches WHERE url = ?)
                        """,
                    arguments: [miss.hashPart, miss.since, miss.cache]
                )
                return count + database.changesCount
            }
        }
    }

    private func open(isReadOnly: Bool) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = isReadOnly
        configuration.busyMode = .timeout(Self.patienceSeconds)
        return try DatabaseQueue(path: path, configuration: configuration)
    }
}
