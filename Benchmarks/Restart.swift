// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// How long a Firn that was killed takes to be ready again, with many objects in its catalog.
enum Restart {
    private static let objects = 1_000_000

    static func measure(_ storeRoot: String, _ options: BenchmarkOptions) async throws {
        guard (try? await Command("sqlite3", ["-version"]).run(deadline: .seconds(10))) != nil
        else {
            return report("\nrestart: not measured, there is no sqlite3 here")
        }
        let setup = TieredFirn.Setup(storeRoot: storeRoot)
        try await withTemporaryDirectory { full in
            try await withTemporaryDirectory { empty in
                for directory in [full, empty] {
                    try await TieredFirn.start(setup, in: directory).kill()
                }
                progress("writing \(objects) rows into a catalog")
                try await fill("\(full.path)/state/depot/catalog.sqlite")
                report("\n\(Figure.header("empty depot"))")
                try await Figure(
                    name: "restart after kill -9, 1,000,000 catalogued objects",
                    unit: .seconds,
                    bar: nil,
                    limit: .total(2)
                ) { side in
                    let directory = side == .firn ? full : empty
                    let firn = try await TieredFirn.start(setup, in: directory)
                    try await firn.kill()
                    return firn.timeToReady.seconds
                }.run(rounds: options.rounds)
            }
        }
    }

    /// Rows of objects that do not exist, in no order of names or ages.
    private static func fill(_ database: String) async throws {
        let sql = """
            WITH RECURSIVE counter (n) AS
                (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < \(objects))
            INSERT INTO object (name, size_bytes, file_hash, state, used_at, narinfo_size_bytes)
            SELECT printf('%032d-%052d.nar.zst', n * 2654435761 % 4294967296, n),
                1000 + n % 50000, randomblob(32), 0,
                1700000000000000 + n * 40503 % 1000003, 600
            FROM counter;
            """
        try await Command("sqlite3", [database, sql]).run(deadline: .seconds(300)).requireSuccess()
    }
}
