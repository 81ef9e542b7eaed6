// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import NixFormat
import Testing

/// One rule that every ``Depot/MemberCatalog`` must keep.
struct MemberRule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Is handed what opens the same new catalog each time, as a new process would.
    let check: @Sendable (_ open: () throws -> any Catalog) throws -> Void

    static let all = [
        MemberRule(testDescription: "a path is found in its cache once it is present") { open in
            let catalog = try open().with(caches: "a", "b")
            let sample = try Sample(1)
            try catalog.add(sample, usedAt: 1)
            let admission = try catalog.admit(sample, to: "a")
            guard case .admitted(let id) = admission else {
                Issue.record("\(admission)")
                return
            }
            #expect(try catalog.findMember(sample.hash, in: .named("a")) == nil)
            #expect(try catalog.admit(sample, to: "a") == .busy)
            #expect(try open().unsettledMembers().map(\.id) == [id])
            try catalog.markMemberPresent(id, narInfoSizeBytes: 300)
            let found = try #require(try open().findMember(sample.hash, in: .named("a")))
            #expect(found.record.key == sample.key && found.record.narInfoSizeBytes == 300)
            #expect(try catalog.findMember(sample.hash, in: .named("b")) == nil)
            #expect(try catalog.admit(sample, to: "a") == .present(found))
            #expect(try catalog.caches(holding: sample.key) == [.named("a")])
            #expect(try catalog.usage(of: .named("a")) == CacheUsage(paths: 1, sizeBytes: 4391))
            #expect(try catalog.totals().blockBytes == 2 * 4096)
        },
        MemberRule(testDescription: "nothing is admitted without cache, object or references") {
            open in
            let catalog = try open().with(caches: "a", "b")
            let (low, high) = (try Sample(1), try Sample(2))
            #expect(try catalog.admit(low, to: "none") == .cacheGone)
            #expect(try catalog.admit(low, to: "a") == .objectGone)
            for sample in [low, high] { try catalog.add(sample, usedAt: 1) }
            #expect(try catalog.admit(high, to: "a", over: [low]) == .lacking([low.hash]))
            let id = try #require(try catalog.admit(low, to: "a").id)
            // What is only arriving is not there yet, nor is what another cache has.
            #expect(try catalog.admit(high, to: "a", over: [low]) == .lacking([low.hash]))
            try catalog.markMemberPresent(id, narInfoSizeBytes: 1)
            #expect(try catalog.admit(high, to: "b", over: [low]) == .lacking([low.hash]))
            #expect(try catalog.admit(high, to: "a", over: [low]).id != nil)
        },
        MemberRule(testDescription: "paths that come together may need those before them") { open in
            let catalog = try open().with(caches: "a")
            let samples = try (1...4).map { try Sample($0) }
            for sample in samples { try catalog.add(sample, usedAt: 1) }
            let (low, middle, high, other) = (samples[0], samples[1], samples[2], samples[3])
            let candidates = [
                middle.candidate(over: [low], arriving: nil),
                low.candidate(over: [], arriving: nil),
                high.candidate(over: [low], arriving: nil),
                other.candidate(over: [middle], arriving: nil),
            ]
            let admissions = try catalog.admit(candidates, to: .named("a"))
            #expect(admissions[0] == .lacking([low.hash]))
            #expect(admissions[1].id != nil && admissions[2].id != nil)
            #expect(admissions[3] == .lacking([middle.hash]))
            let ids = admissions.compactMap(\.id)
            #expect(try catalog.present([low.hash], in: .named("a")).isEmpty)
            try catalog.markMembersPresent([ids[0]: 300, ids[1]: 5000])
            #expect(try catalog.present([low.hash, high.hash], in: .named("a")).count == 2)
            #expect(
                try catalog.findMember(high.hash, in: .named("a"))?.record.narInfoSizeBytes == 5000
            )
            // What is there already is there for those behind it.
            let again = try catalog.admit(
                [candidates[1], candidates[0], candidates[3]],
                to: .named("a")
            )
            #expect(again[1].id != nil && again[2].id != nil)
        },
        MemberRule(testDescription: "an arriving object is admitted by its own writer alone") {
            open in
            let catalog = try open().with(caches: "a")
            let sample = try Sample(1)
            let row = try catalog.insertArriving(sample.info, usedAt: 1, isClosed: true)
            #expect(try catalog.admit(sample, to: "a") == .objectGone)
            #expect(try catalog.find(sample.key) == nil)
            #expect(try catalog.admit(sample, to: "a", arriving: row).id != nil)
            #expect(try catalog.find(sample.key)?.record.isClosed == true)
            #expect(try catalog.markOpen(row))
            #expect(try catalog.find(sample.key)?.record.isClosed == false)
        },
        MemberRule(testDescription: "what members name is neither evicted nor chosen") { open in
            let catalog = try open().with(caches: "a", "b")
            let sample = try Sample(1)
            let row = try catalog.add(sample, usedAt: 1)
            let members = try ["a", "b"].map { try catalog.put(sample, into: $0) }
            #expect(try catalog.leastRecentlyUsed(after: nil, limit: 9).isEmpty)
            #expect(try catalog.markDeparting(row) == nil)
            _ = try catalog.deleteMembers([members[0]])
            #expect(try open().markDeparting(row) == nil)
            _ = try catalog.deleteMembers([members[1]])
            #expect(try catalog.leastRecentlyUsed(after: nil, limit: 9).map(\.id) == [row])
            _ = try catalog.put(sample, into: "a")
            #expect(try catalog.markDeparting(row, evenIfHeld: true)?.id == row)
        },
        MemberRule(testDescription: "objects for members alone are told when the last lets go") {
            open in
            let catalog = try open().with(caches: "a", "b")
            let (closed, shown) = (try Sample(1), try Sample(2))
            let row = try catalog.insertArriving(closed.info, usedAt: 1, isClosed: true)
            let first = try #require(try catalog.admit(closed, to: "a", arriving: row).id)
            try catalog.markMemberPresent(first, narInfoSizeBytes: 1)
            let second = try catalog.put(closed, into: "b")
            try catalog.add(shown, usedAt: 1)
            let third = try catalog.put(shown, into: "b")
            #expect(try catalog.deleteMembers([first, third]).isEmpty)
            #expect(try catalog.deleteMembers([second]).map(\.id) == [row])
        },
        MemberRule(testDescription: "what something refers to does not go, in whatever order") {
            open in
            let catalog = try open().with(caches: "a")
            let samples = try (1...3).map { try Sample($0) }
            for sample in samples { try catalog.add(sample, usedAt: 1) }
            let low = try catalog.put(samples[0], into: "a")
            let middle = try catalog.put(samples[1], into: "a", over: [samples[0]])
            let high = try #require(
                try catalog.admit(samples[2], to: "a", over: [samples[1]]).id
            )
            // What is only arriving counts as well.
            #expect(try catalog.depart([middle, low], from: "a").isEmpty)
            try catalog.markMemberPresent(high, narInfoSizeBytes: 1)
            #expect(
                try catalog.referrers(of: samples[1].hash, in: .named("a")) == [samples[2].hash]
            )
            #expect(try catalog.depart([low, middle], from: "a").isEmpty)
            #expect(try catalog.depart([low, high, middle], from: "a") == [high, middle])
            #expect(try open().depart([low], from: "a") == [low])
            #expect(try catalog.admit(samples[0], to: "a") == .busy)
        },
        MemberRule(testDescription: "what was used meanwhile, or is to be kept, stays") { open in
            let catalog = try open().with(caches: "a")
            let samples = try (1...2).map { try Sample($0) }
            for sample in samples { try catalog.add(sample, usedAt: 1) }
            let ids = try samples.map { try catalog.put($0, into: "a") }
            try catalog.setMemberUses([ids[0]: 50])
            try catalog.setMemberUses([ids[0]: 40])
            let gone = try catalog.markDeparting(
                ids,
                in: .named("a"),
                usedBefore: 50,
                keeping: [samples[1].hash]
            )
            #expect(gone.isEmpty)
            let order = try catalog.leastRecentlyUsedMembers(of: .named("a"), after: nil, limit: 1)
            #expect(order.map(\.id) == [ids[1]])
            let rest = try catalog.leastRecentlyUsedMembers(
                of: .named("a"),
                after: order[0],
                limit: 9
            )
            #expect(rest.map(\.id) == [ids[0]])
        },
        MemberRule(testDescription: "a pin is made of what is there, and keeps it") { open in
            let catalog = try open().with(caches: "a")
            let sample = try Sample(1)
            try catalog.add(sample, usedAt: 1)
            let revision = Pin.Revision(path: sample.narInfo.storePath, pinnedAt: 1)
            let pin = Pin(name: "x", keep: .revisions(1), revisions: [revision])
            let early = try catalog.changePins(of: .named("a"), requiring: sample.hash) {
                $0 = [pin]
            }
            #expect(early == nil)
            let id = try catalog.put(sample, into: "a")
            let made = try catalog.changePins(of: .named("a"), requiring: sample.hash) {
                $0 = [pin]
            }
            #expect(made == [pin])
            #expect(try open().pins(of: .named("a")) == [pin])
            // Looked at in the very transaction, whatever its planner knew.
            #expect(try catalog.depart([id], from: "a").isEmpty)
            _ = try catalog.changePins(of: .named("a"), requiring: nil) { $0 = [] }
            #expect(try open().depart([id], from: "a") == [id])
        },
        MemberRule(testDescription: "members are listed, restored and deleted with their cache") {
            open in
            let catalog = try open().with(caches: "a")
            let samples = try (1...5).map { try Sample($0) }
            for sample in samples { try catalog.add(sample, usedAt: 1) }
            try catalog.restore(samples.map(\.record), of: .named("a"))
            let names = samples.map { "\($0.hash)" }.sorted()
            let page = try catalog.listMembers(of: .named("a"), after: nil, limit: 3)
            let rest = try catalog.listMembers(of: .named("a"), after: page[2].hash, limit: 3)
            #expect((page + rest).map { "\($0.hash)" } == names)
            let log = try #require(CacheExtra(parsing: "log/\(samples[0].narInfo.storePath)"))
            #expect(try catalog.setExtra(log, of: .named("a"), sizeBytes: 10, usedAt: 5) == 0)
            #expect(try catalog.setExtra(log, of: .named("a"), sizeBytes: 20, usedAt: 6) == 10)
            #expect(try catalog.extras(of: .named("a"), before: 6, limit: 9).isEmpty)
            #expect(try catalog.extras(of: .named("a"), before: 7, limit: 9) == [log])
            var texts: UInt64 = 0
            while let piece = try catalog.deleteMembers(of: .named("a"), limit: 2) {
                texts += piece.textBlockBytes
            }
            #expect(texts == 6 * 4096)
            #expect(try catalog.usage(of: .named("a")) == CacheUsage())
        },
    ]
}

extension CacheName {
    static func named(_ text: String) throws -> CacheName { try CacheName(parsing: text) }
}

extension Admission {
    var id: Int64? { if case .admitted(let id) = self { id } else { nil } }
}

extension Sample {
    var hash: StorePathHash { key.storeHash }

    var record: MemberRecord { record(over: []) }

    func record(over references: [Sample]) -> MemberRecord {
        MemberRecord(
            key: key,
            sizeBytes: UInt64(bytes.count),
            narInfoSizeBytes: 200,
            createdAt: 1,
            usedAt: 1,
            references: Set(references.map(\.hash))
        )
    }

    fileprivate func candidate(over references: [Sample], arriving: Int64?) -> MemberCandidate {
        MemberCandidate(
            record(over: references),
            requiring: Set(references.map(\.hash)),
            arriving: arriving
        )
    }
}

extension Catalog {
    fileprivate func with(caches names: String...) throws -> Self {
        for name in names {
            let key = try SecretKey.generate(name: "key-1").publicKey
            let cache = NamedCache(
                name: try .named(name),
                settings: CacheSettings(),
                publicKey: key,
                createdAt: 1
            )
            #expect(try insert(cache))
        }
        return self
    }

    fileprivate func admit(
        _ sample: Sample,
        to cache: String,
        over references: [Sample] = [],
        arriving: Int64? = nil
    ) throws -> Admission {
        try admit([sample.candidate(over: references, arriving: arriving)], to: .named(cache))[0]
    }

    fileprivate func put(
        _ sample: Sample,
        into cache: String,
        over references: [Sample] = []
    ) throws -> Int64 {
        let id = try #require(try admit(sample, to: cache, over: references).id)
        try markMemberPresent(id, narInfoSizeBytes: 200)
        return id
    }

    fileprivate func depart(_ ids: [Int64], from cache: String) throws -> [Int64] {
        try markDeparting(ids, in: .named(cache), usedBefore: .max, keeping: []).map(\.id)
    }
}
