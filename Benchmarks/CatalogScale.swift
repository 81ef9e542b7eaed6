// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// A catalog in PostgreSQL with millions of paths that nobody has: how long a lookup takes, and a
/// collection.
struct CatalogScale {
    static let row = "scale catalog"
    private static let cache = "bench"
    private static let lookups = 5_000
    /// Of all paths, so many are older than the cache's retention.
    private static let old = 10_000
    private static let atOnce = 1_000_000

    let paths: Int

    func run(in directory: TemporaryDirectory) async throws {
        let options = ["shared_buffers=1GB", "work_mem=64MB", "max_wal_size=8GB", "jit=off"]
        try await PostgresStand.run(options: options) { stand in
            let database = try await stand.makeDatabase()
            let (root, home) = (directory.path("store"), directory.path("home"))
            let store = try TemporaryNixStore(root: root, home: home)
            // Firn serves a store that is there.
            try await store.run("nix-store", ["--init"])
            var setup = ServerSetup(storeRoot: store.root)
                .declaring(Self.cache, "retention = \"90d\"")
            setup.state = directory.path("catalog-state")
            setup.depotSize = "100TB"
            setup.environment["FIRN_DEPOT_CATALOG"] = stand.url(of: database)
            report("\n| paths | lookup: median, p99 | start | collection of \(Self.old) |")
            report("|---|---|---|---|")
            try await withServer(setup) { server in
                report("| 0 | \(try await lookUp(at: server)) | | |")
            }
            for first in stride(from: 0, to: paths, by: Self.atOnce) {
                progress("\(first) of \(paths) paths")
                let last = min(first + Self.atOnce, paths)
                try await stand.run(
                    Self.statements(first, last),
                    in: database,
                    deadline: .seconds(3_600)
                )
            }
            progress("analysing")
            let count = try await stand.run(
                "ANALYZE; " + Self.usage,
                in: database,
                deadline: .seconds(3_600)
            )
            let start = ContinuousClock.now
            try await withServer(setup) { server in
                let started = (ContinuousClock.now - start).seconds
                let times = try await lookUp(at: server)
                let collected = try await collect(server)
                let left = try await stand.run("SELECT count(*) FROM firn.member", in: database)
                guard Int(left) == paths - Self.old else {
                    throw Downloader.UselessAnswer(description: "\(left) of \(count) are left")
                }
                let seconds = "\(Figure.format(started)) s | \(Figure.format(collected)) s"
                report("| \(paths) | \(times) | \(seconds) |")
            }
        }
    }

    /// Paths that are not there: whatever a cache keeps in memory, it has to ask for these.
    private func lookUp(at server: FirnServer) async throws -> String {
        let port = server.port
        let times = try await onOwnThread {
            let connection = HTTPConnection(try StreamSocket.connect(port: port))
            return try (0..<Self.lookups).map { _ in
                let request = HTTPRequest("/\(Self.cache)/\(Self.unknownHash()).narinfo")
                let start = ContinuousClock.now
                let answer = try connection.ask(request)
                guard answer.status == 404 else {
                    throw Downloader.UselessAnswer(description: "status \(answer.status)")
                }
                return (ContinuousClock.now - start).seconds
            }.sorted()
        }
        let (median, late) = (times[times.count / 2], times[times.count * 99 / 100])
        return "\(Figure.format(median * 1000)), \(Figure.format(late * 1000)) ms"
    }

    private static func unknownHash() -> String {
        let digits = Array("0123456789abcdfghijklmnpqrsvwxyz")
        return String((0..<32).map { _ in digits[Int.random(in: 0..<32)] })
    }

    private func collect(_ server: FirnServer) async throws -> Double {
        progress("collecting")
        let start = ContinuousClock.now
        let arguments = ["gc", "--config", server.configurationPath]
        try await Command(FirnServer.programme, arguments, environment: Command.plainEnvironment)
            .run(deadline: .seconds(3_600)).requireSuccess()
        return (ContinuousClock.now - start).seconds
    }

    /// Rows as they are for paths that were pushed; of ten, nine refer to the first.
    private static func statements(_ first: Int, _ last: Int) -> String {
        """
        SET session_replication_role = replica;
        SET synchronous_commit = off;
        CREATE TEMPORARY TABLE fresh AS
        SELECT i, translate(left(h, 32), 'e', 'z') AS path_hash,
            translate(left(h, 32), 'e', 'z') || '-0'
                || translate(left(n, 51), 'e', 'z') || '.nar.zst' AS object_name,
            (extract(epoch FROM now()) * 1000000)::bigint
                - CASE WHEN i < \(old) THEN 100 ELSE 1 + i % 80 END * 86400000000
                + i AS used_at
        FROM (
            SELECT i, encode(sha256(('path' || i)::bytea), 'hex') AS h,
                encode(sha256(('nar' || i)::bytea), 'hex') AS n
            FROM generate_series(\(first), \(last - 1)) AS i
        ) AS made;
        INSERT INTO firn.object (name, size_bytes, state, used_at, held, is_closed)
            SELECT object_name, 40960, 0, used_at, 1, true FROM fresh;
        INSERT INTO firn.member (cache, path_hash, object_name, state, size_bytes,
                narinfo_size_bytes, created_at, used_at)
            SELECT '\(cache)', path_hash, object_name, 0, 40960, 600, used_at, used_at FROM fresh;
        INSERT INTO firn.member_reference (cache, path_hash, reference_hash)
            SELECT '\(cache)', a.path_hash, b.path_hash FROM fresh a
            JOIN fresh b ON b.i = a.i - a.i % 10 AND a.i % 10 <> 0;
        """
    }

    private static let usage = """
        INSERT INTO firn.cache_usage (cache, paths, size_bytes)
            SELECT cache, count(*), sum(size_bytes + narinfo_size_bytes)
            FROM firn.member GROUP BY cache
        ON CONFLICT (cache) DO UPDATE SET
            paths = excluded.paths, size_bytes = excluded.size_bytes;
        SELECT count(*) FROM firn.member
        """
}
