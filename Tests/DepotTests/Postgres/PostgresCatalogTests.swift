// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import FirnTestSupport
import NixFormat
import Testing

/// The contract of catalogs over a real PostgreSQL.
@Suite(.postgres, .enabled(if: PostgresStand.whatIsMissing == nil))
struct PostgresCatalogTests {
    @Test(arguments: CatalogRule.all)
    func keepsTheCatalogRules(_ rule: CatalogRule) async throws {
        try await TestCatalog.with { test in try rule.check { try test.open() } }
    }

    @Test(arguments: MemberRule.all)
    func keepsTheMemberRules(_ rule: MemberRule) async throws {
        try await TestCatalog.with { test in try rule.check { try test.open() } }
    }

    @Test(arguments: RegistryRule.all)
    func keepsTheRegistryRules(_ rule: RegistryRule) async throws {
        try await TestCatalog.with { test in try rule.check { try test.open() } }
    }

    @Test(arguments: DepotRule.all)
    func depotsOverItKeepTheDepotRules(_ rule: DepotRule) async throws {
        try await TestCatalog.with { test in
            try rule.check(test.depot)
            try test.depot.verifyAtRest()
        }
    }

    @Test func aPoolerMayHandEachTransactionToAnotherConnection() async throws {
        guard PoolerStand.whatIsMissing == nil else { return }
        let stand = try #require(PostgresStand.current)
        try await PoolerStand.run(before: stand) { pooler in
            for rule in MemberRule.all {
                try await TestCatalog.with { test in
                    try rule.check { try test.open(pooler.url(of: test.database)) }
                }
            }
            let rule = try #require(
                CatalogRule.all.first { $0.testDescription.contains("many threads") }
            )
            try await TestCatalog.with { test in
                try rule.check { try test.open(pooler.url(of: test.database)) }
            }
        }
    }

    /// What is paid for in round trips; more than here is by accident.
    @Test func statementsAreCounted() async throws {
        try await TestCatalog.with { test in
            let catalog = try test.open()
            let cache = try CacheName(parsing: "team")
            func cost(_ body: () throws -> Void) rethrows -> Int {
                let before = catalog.statementCount
                try body()
                return catalog.statementCount - before
            }
            _ = try catalog.insert(
                NamedCache(
                    name: cache,
                    settings: CacheSettings(),
                    publicKey: SecretKey.generate(name: "key-1").publicKey,
                    createdAt: 1
                )
            )
            let samples = try (0..<50).map { try Sample($0, sizeBytes: 10) }
            var ids: [Int64] = []
            // BEGIN, the statement, COMMIT.
            #expect(
                try cost {
                    ids = try catalog.insertArriving(samples.map(\.info), usedAt: 1, isClosed: true)
                } == 3
            )
            #expect(try cost { try catalog.markPresent(ids[0], deleting: []) } == 3)
            #expect(try cost { _ = try catalog.find(samples[0].key) } == 1)
            #expect(try cost { _ = try catalog.findMember(samples[0].hash, in: cache) } == 1)
            // However many paths come together.
            for count in [1, 49] {
                let some = count == 1 ? samples[..<1] : samples[1...]
                let candidates = zip(some, count == 1 ? ids[..<1] : ids[1...]).map { sample, id in
                    MemberCandidate(
                        sample.record(over: count == 1 ? [] : [samples[0]]),
                        requiring: [],
                        arriving: id
                    )
                }
                var admissions: [Admission] = []
                let price = try cost { admissions = try catalog.admit(candidates, to: cache) }
                #expect(price <= 10)
                #expect(
                    try cost {
                        try catalog.markMembersPresent(
                            admissions.compactMap(\.id).reduce(into: [:]) { $0[$1] = 1 }
                        )
                    } == 3
                )
            }
            #expect(try catalog.usage(of: cache).paths == 50)
            let uses = try catalog.list(after: nil, limit: 50)
                .reduce(into: [Int64: Int64]()) { $0[$1.id] = 9 }
            #expect(try cost { try catalog.setUses(uses) } == 3)
        }
    }
}
