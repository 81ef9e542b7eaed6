// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import FirnTestSupport
import Foundation
import Glibc
import NixFormat
import Synchronization
import Testing

/// A server that goes away in the middle, has no connection left, or is used by two at once.
@Suite(.enabled(if: PostgresStand.whatIsMissing == nil))
struct PostgresFaultTests {
    @Test func nothingThatWasAcknowledgedIsLostWhenTheServerCrashes() async throws {
        // What a crash forgets is what was not on the disk.
        try await PostgresStand.run(options: ["fsync=on", "full_page_writes=on"]) { stand in
            try await PostgresStand.$current.withValue(stand) {
                try await TestCatalog.withAsync { test in
                    let catalog = try await onOwnThread { try test.open() }
                    let work = Work()
                    async let first: Void = onOwnThread { work.run(catalog, 1) }
                    async let second: Void = onOwnThread { work.run(catalog, 2) }
                    async let third: Void = onOwnThread { work.run(catalog, 3) }
                    for round in 1...3 {
                        try await wait(for: "more objects", within: .seconds(60)) {
                            work.done.count >= round * 20
                        }
                        try await stand.stop()
                        try await stand.start()
                    }
                    let before = work.done.count
                    try await wait(for: "objects after the crashes", within: .seconds(60)) {
                        work.done.count >= before + 20
                    }
                    work.stop()
                    _ = try await (first, second, third)
                    let done = work.done
                    try await onOwnThread {
                        for (number, id) in done {
                            let entry = try catalog.find(Sample(number, sizeBytes: 10).key)
                            #expect(entry?.id == id, "\(number)")
                        }
                    }
                }
            }
        }
    }

    /// Cut at each byte of the server's last words, where it cannot be known whether they were heard.
    @Test func aChangeWhoseEndIsNotHeardOfIsLookedUp() async throws {
        try await PostgresStand.run { stand in
            try await PostgresStand.$current.withValue(stand) {
                try await TestCatalog.withAsync { test in
                    try test.folder.write(
                        PostgresStand.passwordFile(),
                        to: "passwords",
                        mode: 0o600
                    )
                    let whole = try await delivered(test, cutAfterBytes: .max)
                    for bytes in stride(from: whole - 400, to: whole, by: 9) {
                        _ = try await delivered(test, cutAfterBytes: bytes)
                    }
                }
            }
        }
    }

    /// Makes and deletes tokens through a proxy that ends the connection once.
    ///
    /// - Returns: How many bytes of the server were delivered.
    private func delivered(_ test: TestCatalog, cutAfterBytes: Int) async throws -> Int {
        try await CuttingProxy.run(to: test.stand.port, cutAfterBytes: cutAfterBytes) { proxy in
            let url = test.stand.tcpURL(
                of: test.database,
                port: proxy.port,
                more: "?passfile=\(test.folder.path("passwords"))&gssencmode=disable"
            )
            try await onOwnThread {
                let catalog = try test.open(url)
                for _ in 0..<2 {
                    // Made again after it was made, each would say that there was nothing to do.
                    let token = try sampleToken(TokenSecret.generate(), createdAt: 1)
                    #expect(try catalog.insert(token), "\(cutAfterBytes)")
                    #expect(try catalog.deleteToken(token.id) != nil, "\(cutAfterBytes)")
                }
                #expect(try catalog.listTokens().isEmpty)
            }
            return proxy.account.deliveredBytes
        }
    }

    @Test func aServerWithFewConnectionsIsWaitedFor() async throws {
        try await PostgresStand.run { stand in
            try await PostgresStand.$current.withValue(stand) {
                try await TestCatalog.withAsync { test in
                    try await stand.run(
                        """
                        CREATE ROLE narrow LOGIN CONNECTION LIMIT 2;
                        ALTER DATABASE \(test.database) OWNER TO narrow
                        """,
                        in: test.database
                    )
                    let url = stand.url(of: test.database)
                        .replacing("//\(PostgresStand.role)@", with: "//narrow@")
                    try await onOwnThread {
                        let catalog = try test.open(url)
                        DispatchQueue.concurrentPerform(iterations: 6) { worker in
                            do {
                                for turn in 0..<10 {
                                    let number = worker * 100 + turn
                                    try catalog.add(Sample(number, sizeBytes: 10), usedAt: 1)
                                }
                            } catch {
                                Issue.record(error)
                            }
                        }
                        #expect(try catalog.totals().objects == 60)
                    }
                }
            }
        }
    }

    @Test func aServerThatIsAwayIsSaidToBeAtOnce() async throws {
        try await PostgresStand.run { stand in
            try await PostgresStand.$current.withValue(stand) {
                try await TestCatalog.withAsync { test in
                    let catalog = try await onOwnThread { try test.open() }
                    let sample = try Sample(1)
                    _ = try await onOwnThread { try catalog.add(sample, usedAt: 1) }
                    try await stand.stop()
                    let began = ContinuousClock.now
                    try await onOwnThread {
                        for _ in 0..<20 {
                            #expect(throws: DepotError.self) { _ = try catalog.find(sample.key) }
                        }
                    }
                    #expect(began.duration(to: .now) < .seconds(30))
                    try await stand.start()
                    try await wait(for: "the object", within: .seconds(30)) {
                        try await onOwnThread { (try? catalog.find(sample.key)) != nil }
                    }
                }
            }
        }
    }

    /// The rule of collection, with two catalogs over one database as two nodes have them: what can be
    /// seen has all that it refers to.
    @Test func twoThatAddAndRemoveAtOnceLeaveNothingWithoutItsReferences() async throws {
        try await PostgresStand.run { stand in
            try await PostgresStand.$current.withValue(stand) {
                try await TestCatalog.with { test in
                    let seed = UInt64.random(in: 0 ... .max)
                    let nodes = [try test.open(), try test.open()]
                    let cache = try CacheName(parsing: "team")
                    _ = try nodes[0].insert(
                        NamedCache(
                            name: cache,
                            settings: CacheSettings(),
                            publicKey: SecretKey.generate(name: "key-1").publicKey,
                            createdAt: 1
                        )
                    )
                    let samples = try (0..<12).map { try Sample($0, sizeBytes: 10) }
                    for sample in samples { try nodes[0].add(sample, usedAt: 1) }
                    DispatchQueue.concurrentPerform(iterations: 6) { worker in
                        var random = SeededNumbers(seed: seed &+ UInt64(worker))
                        do {
                            for _ in 0..<60 {
                                try Self.step(nodes[worker % 2], samples, cache, &random)
                            }
                        } catch {
                            Issue.record("\(error), seed \(seed)")
                        }
                    }
                    let members = try nodes[1].listMembers(of: cache, after: nil, limit: 99)
                    let hashes = Set(members.map(\.hash))
                    for member in members {
                        let below = try nodes[1].references(of: member.hash, in: cache)
                        #expect(below.isSubset(of: hashes), "seed \(seed)")
                    }
                    let usage = try nodes[0].usage(of: cache)
                    #expect(usage.paths == members.count, "seed \(seed)")
                    for sample in samples {
                        let holders = try nodes[0].caches(holding: sample.key)
                        let row = try #require(try nodes[0].find(sample.key))
                        let unheld = try nodes[0].leastRecentlyUsed(after: nil, limit: 99)
                        #expect(holders.isEmpty == unheld.map(\.id).contains(row.id))
                    }
                }
            }
        }
    }

    /// Adds a path over up to two of those before it, or removes one.
    private static func step(
        _ catalog: PostgresCatalog,
        _ samples: [Sample],
        _ cache: CacheName,
        _ random: inout SeededNumbers
    ) throws {
        let index = Int.random(in: 0..<samples.count, using: &random)
        if Int.random(in: 0..<3, using: &random) > 0 {
            let below = Array(samples[..<index].shuffled(using: &random).prefix(2))
            let candidate = MemberCandidate(
                samples[index].record(over: below),
                requiring: Set(below.map(\.hash))
            )
            guard let id = try catalog.admit([candidate], to: cache)[0].id else { return }
            try catalog.markMemberPresent(id, narInfoSizeBytes: 200)
        } else if let entry = try catalog.findMember(samples[index].hash, in: cache) {
            let gone = try catalog.markDeparting(
                [entry.id],
                in: cache,
                usedBefore: .max,
                keeping: []
            )
            _ = try catalog.deleteMembers(Set(gone.map(\.id)))
        }
    }
}

/// Numbers that follow from a seed: SplitMix64.
private struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Objects that are added until it is told to stop, whatever the server does.
private final class Work: Sendable {
    private let state = Mutex((done: [Int: Int64](), isOver: false))

    /// What was acknowledged: numbers of samples, and of their rows.
    var done: [Int: Int64] { state.withLock { $0.done } }

    func stop() { state.withLock { $0.isOver = true } }

    func run(_ catalog: PostgresCatalog, _ worker: Int) {
        var turn = 0
        while !state.withLock({ $0.isOver }) {
            let number = worker * 100_000 + turn
            do {
                let id = try catalog.add(Sample(number, sizeBytes: 10), usedAt: 1)
                state.withLock { $0.done[number] = id }
                turn += 1
            } catch {
                // Whoever is refused comes again.
                usleep(20_000)
            }
        }
    }
}
