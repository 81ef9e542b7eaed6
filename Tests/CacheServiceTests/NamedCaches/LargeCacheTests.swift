// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import Depot
import FirnTestSupport
import Foundation
import GRDB
import NixFormat
import Testing

/// A cache with so many paths that whatever looks at all of them for each of them does not end.
@Suite struct LargeCacheTests {
    private static let count = 20_000

    /// Rows of paths without files; each refers to the two before it in a block of ten.
    private func fill(_ catalog: String) throws {
        let digits = Array("0123456789abcdfghijklmnpqrsvwxyz")
        let hash = { (number: Int) in
            var rest = number
            var text = ""
            for _ in 0..<4 {
                text.append(digits[rest % 32])
                rest /= 32
            }
            return text + String(repeating: "0", count: 28)
        }
        try DatabaseQueue(path: catalog).write { database in
            let member = try database.makeStatement(
                sql: """
                    INSERT INTO member (cache, path_hash, object_name, state, size_bytes,
                        narinfo_size_bytes, created_at, used_at)
                    VALUES ('team', ?, ?, 0, 1000, 500, 1, ?)
                    """
            )
            let reference = try database.makeStatement(
                sql: "INSERT INTO member_reference VALUES ('team', ?, ?)"
            )
            let narHash = String(repeating: "0", count: 52)
            for number in 0..<Self.count {
                try member.execute(arguments: [
                    hash(number), "\(hash(number))-\(narHash).nar.zst", 1 + number,
                ])
                for step in 1...2 where number % 10 >= step {
                    try reference.execute(arguments: [hash(number), hash(number - step)])
                }
            }
        }
    }

    @Test func everythingIsCountedPlannedAndLetGo() async throws {
        try await withTemporaryDirectory { folder in
            let keyring = MemoryKeyring()
            _ = try PushedCache.open(folder.path("empty"), keyring)
            try fill(folder.path("empty/catalog.sqlite"))
            // What it takes of the bound is read when a depot is opened.
            try FileManager.default.copyItem(
                atPath: folder.path("empty"),
                toPath: folder.path("depot")
            )
            let test = try PushedCache.open(folder.path("depot"), keyring)
            let all = UInt64(Self.count) * 1_500
            #expect(
                try test.depot.usage(of: test.cache)
                    == CacheUsage(paths: Self.count, sizeBytes: all)
            )
            // Half of it may stay: the younger half, as blocks need only what is in them.
            _ = try test.depot.update(test.cache) { $0.settings.quotaBytes = all / 2 }
            let plan = try await test.caches.collect(isDryRun: true)
            #expect(plan.count == Self.count / 2)
            #expect(try test.depot.usage(of: test.cache).paths == Self.count)
            let gone = try await test.caches.collect(isDryRun: false)
            #expect(gone.map(\.hash) == plan.map(\.hash))
            #expect(
                try test.depot.usage(of: test.cache)
                    == CacheUsage(paths: Self.count / 2, sizeBytes: all / 2)
            )
            var left = 0
            try test.depot.forEachMember(of: test.cache) { entry, references in
                left += 1
                #expect(entry.record.usedAt > Self.count / 2)
                #expect(references.count <= 2)
            }
            #expect(left == Self.count / 2)
        }
    }
}
