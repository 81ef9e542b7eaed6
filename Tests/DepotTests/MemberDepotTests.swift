// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import Foundation
import NixFormat
import Testing

/// Paths in caches, over a real folder.
@Suite struct MemberDepotTests {
    private let cache = "team"

    private func withCache(_ body: (TestDepot, NARDepot) throws -> Void) throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 12)
            let made = NamedCache(
                name: try .named(cache),
                settings: CacheSettings(quotaBytes: 77),
                publicKey: try SecretKey.generate(name: "key-1").publicKey,
                createdAt: 1
            )
            #expect(try depot.create(made))
            #expect(try !depot.create(made))
            try body(test, depot)
        }
    }

    @Test func whatOnlyACacheHasIsNotFoundElsewhere() throws {
        try withCache { _, depot in
            let sample = try Sample(1)
            try depot.push(sample, to: cache)
            #expect(try depot.find(sample.key) == nil)
            #expect(try depot.contents(of: sample.key) == nil)
            #expect(try depot.narInfo(for: sample.hash) == nil)
            let object = try #require(try depot.openMember(sample.key, in: .named(cache)))
            #expect(try object.contents() == sample.bytes)
            #expect(try depot.openMember(sample.key, in: .named("other")) == nil)
        }
    }

    /// What is read by whoever looks for what NARs may be made of.
    @Test func thePathsOfADepotAreThoseThatEverybodySees() throws {
        try withCache { _, depot in
            try depot.push(Sample(1), to: cache)
            let shown = [try Sample(2), try Sample(3)]
            #expect(depot.changes.arrivals(since: 0).keys == [])
            for sample in shown { try depot.put(sample) }
            let (keys, count) = depot.changes.arrivals(since: 0)
            #expect(keys == shown.map(\.key))
            #expect(depot.changes.arrivals(since: count - 1).keys == [shown[1].key])
            #expect(depot.changes.arrivals(since: count).keys == [])
            let paths = try depot.keptPaths(of: shown.map(\.key))
            #expect(paths.map(\.path) == shown.map(\.narInfo.storePath))
            #expect(paths.map(\.narSizeBytes) == shown.map(\.narInfo.narSizeBytes))
            #expect(paths[0].id < paths[1].id)
            // Page by page, with those in between that nobody else sees.
            var (all, end) = (Set<KeptPath>(), ObjectKey?.none)
            repeat {
                let page = try depot.keptPaths(after: end, limit: 1)
                all.formUnion(page.paths)
                end = page.end
            } while end != nil
            #expect(all == Set(paths))
        }
    }

    /// Who has not looked for long is told to look at everything.
    @Test func ofManyArrivalsTheLastAreRemembered() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open()
            for number in 1...4_100 { depot.changes.noteArrival(try Sample(number).key) }
            #expect(depot.changes.arrivals(since: 0).keys == nil)
            #expect(depot.changes.arrivals(since: 4).keys?.first == (try Sample(5).key))
            #expect(depot.changes.arrivals(since: 4_099).keys == [try Sample(4_100).key])
            #expect(depot.changes.arrivals(since: 0).count == 4_100)
        }
    }

    @Test func theSameFromElsewhereIsShownAndNotStoredTwice() throws {
        try withCache { test, depot in
            let sample = try Sample(1)
            try depot.push(sample, to: cache)
            let before = depot.usage()
            try depot.put(sample)
            #expect(try depot.contents(of: sample.key) == sample.bytes)
            #expect(try depot.narInfo(for: sample.hash)?.narInfo.signatures.count == 1)
            #expect(try test.names(in: "unfinished").isEmpty)
            #expect(depot.usage().objects == 1)
            #expect(depot.usage().sizeBytes == before.sizeBytes + 4096)
            #expect(depot.usage().pendingSizeBytes == 0)
            // When the cache lets go of it, it is like any other.
            _ = try depot.remove(depot.entries(of: cache), from: .named(cache))
            #expect(try depot.contents(of: sample.key) == sample.bytes)
            _ = try depot.collect(downTo: 0)
            #expect(depot.usage().sizeBytes == 0)
        }
    }

    @Test func membersMakeNoRoomForOthersAndAreRefusedWhereThereIsNone() throws {
        try withCache { _, depot in
            // An object of a block and a narinfo of one each.
            for number in 1...5 { try depot.push(Sample(number), to: cache) }
            try depot.put(Sample(6))
            #expect { try depot.put(Sample(7, blocks: 4)) } throws: { error in
                guard case DepotError.full = error else { return false }
                return true
            }
            // What came through makes room for what is pushed.
            try depot.push(Sample(8), to: cache)
            #expect(try depot.find(Sample(6).key) == nil)
            #expect { try depot.push(Sample(9), to: cache) } throws: { error in
                guard case DepotError.full = error else { return false }
                return true
            }
            _ = try depot.collect(downTo: 0)
            for number in [1, 2, 3, 4, 5, 8] {
                let key = try Sample(number).key
                #expect(try depot.openMember(key, in: .named(cache)) != nil)
            }
            #expect(try depot.usage(of: .named(cache)).paths == 6)
        }
    }

    @Test func whatTheLastCacheLetsGoOfIsGone() throws {
        try withCache { test, depot in
            for number in 1...3 { try depot.push(Sample(number), to: cache) }
            let gone = try depot.remove(depot.entries(of: cache), from: .named(cache))
            #expect(gone.count == 3)
            #expect(try test.names(in: "nar").isEmpty)
            #expect(depot.usage().sizeBytes == 0 && depot.usage().objects == 0)
        }
    }

    @Test func anOldPlanRemovesNothingThatIsNeededMeanwhile() throws {
        try withCache { _, depot in
            let (low, high) = (try Sample(1), try Sample(2))
            try depot.push(low, to: cache)
            let plan = try depot.entries(of: cache)
            try depot.push(high, to: cache, over: [low])
            #expect(try depot.remove(plan, from: .named(cache)).isEmpty)
            #expect(try depot.memberNARInfo(low.hash, in: .named(cache)) != nil)
            // And a reader has had it since.
            let whole = try depot.entries(of: cache)
            let newest = try #require(whole.map(\.record.usedAt).max())
            _ = try depot.useMember(high.hash, in: .named(cache))
            let ordered = whole.sorted { one, _ in one.hash == high.hash }
            let gone = try depot.remove(ordered, from: .named(cache), usedBefore: newest + 1)
            #expect(gone.isEmpty)
            #expect(try depot.remove(ordered, from: .named(cache)).count == 2)
        }
    }

    @Test func aDeletedCacheTakesItsPathsAlong() throws {
        try withCache { test, depot in
            for number in 1...3 { try depot.push(Sample(number), to: cache) }
            #expect(try depot.delete(.named(cache)))
            #expect(try !depot.delete(.named(cache)))
            #expect(try test.names(in: "nar").isEmpty)
            #expect(try test.names(in: "caches").isEmpty)
            #expect(depot.usage().sizeBytes == 0)
        }
    }

    @Test func aLostCatalogIsMadeFromTheFoldersOfCaches() throws {
        try TestDepot.withDirectory { test in
            let sample = try Sample(1)
            let shown = try Sample(2)
            var usage = CacheUsage()
            do {
                let depot = try test.open()
                let made = NamedCache(
                    name: try .named(cache),
                    settings: CacheSettings(quotaBytes: 77),
                    publicKey: try SecretKey.generate(name: "key-1").publicKey,
                    createdAt: 1
                )
                _ = try depot.create(made)
                try depot.push(sample, to: cache)
                try depot.push(shown, to: cache)
                try depot.put(shown)
                let pin = Pin.Revision(path: sample.narInfo.storePath, pinnedAt: 5)
                _ = try depot.changePins(of: .named(cache), requiring: sample.hash) {
                    $0 = [Pin(name: "x", keep: .revisions(1), revisions: [pin])]
                }
                usage = try depot.usage(of: .named(cache))
            }
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(
                    atPath: "\(test.directory)/catalog.sqlite\(suffix)"
                )
            }
            let depot = try test.open()
            #expect(depot.opening.rebuiltObjects == 2 && depot.opening.rebuiltPaths == 2)
            #expect(try depot.registry.findCache(.named(cache))?.settings.quotaBytes == 77)
            #expect(try depot.usage(of: .named(cache)) == usage)
            #expect(try depot.find(sample.key) == nil)
            #expect(try depot.find(shown.key) != nil)
            #expect(try depot.openMember(sample.key, in: .named(cache)) != nil)
            #expect(try depot.pins(of: .named(cache)).map(\.name) == ["x"])
            #expect(try depot.remove(depot.entries(of: cache), from: .named(cache)).count == 1)
        }
    }

    @Test func manyComeAtOnceAndEachIsToldWhatBecameOfIt() throws {
        try withCache { test, depot in
            let samples = try (1...4).map { try Sample($0) }
            try depot.push(samples[3], to: cache)
            var arrivals = try [
                depot.arrival(samples[0], over: []), depot.arrival(samples[1], over: [samples[0]]),
                depot.arrival(samples[2], over: [try Sample(7)]),
                depot.arrival(samples[3], over: []),
            ]
            let lost = try Sample(8)
            arrivals.append(MemberArrival(lost.narInfo, requiring: [], from: nil))
            let results = try depot.add(arrivals, to: .named(cache), form: .zstd)
            guard case .added = results[0], case .added = results[1],
                case .lacking(let hashes) = results[2],
                case .updated = results[3], case .narMissing = results[4]
            else {
                Issue.record("\(results)")
                return
            }
            #expect(hashes == [try Sample(7).hash])
            #expect(try depot.usage(of: .named(cache)).paths == 3)
            #expect(try test.names(in: "nar").count == 3)
            // What did not become anything is still its sender's.
            #expect(arrivals[2].upload?.takeOver() != nil)
        }
    }

    @Test(arguments: DepotStep.untilMembersAreSeen)
    func aFailureAmongManyLeavesNoneOfThem(step: DepotStep) throws {
        try TestDepot.withDirectory { test in
            let switchboard = Switchboard()
            let depot = try test.open { reached in
                guard reached == step, switchboard.isFaulty else { return }
                switchboard.reached += 1
                if switchboard.reached == 2 || !DepotStep.repeated.contains(step) { throw Fault() }
            }
            let made = NamedCache(
                name: try .named(cache),
                settings: CacheSettings(),
                publicKey: try SecretKey.generate(name: "key-1").publicKey,
                createdAt: 1
            )
            _ = try depot.create(made)
            let samples = try (1...3).map { try Sample($0) }
            let arrivals = try [
                depot.arrival(samples[0], over: []), depot.arrival(samples[1], over: [samples[0]]),
                depot.arrival(samples[2], over: [samples[1]]),
            ]
            switchboard.isFaulty = true
            #expect(throws: (any Error).self) {
                try depot.add(arrivals, to: .named(cache), form: .zstd)
            }
            switchboard.isFaulty = false
            #expect(try depot.usage(of: .named(cache)).paths == 0)
            #expect(try test.names(in: "nar").isEmpty)
            #expect(depot.usage().sizeBytes == 0)
            for sample in samples { try depot.push(sample, to: cache) }
        }
    }

    @Test(arguments: DepotStep.untilMembersAreSeen)
    func aFailureAtAnyStepLeavesNothingOfThePath(step: DepotStep) throws {
        try TestDepot.withDirectory { test in
            let switchboard = Switchboard()
            let depot = try test.open { reached in
                if reached == step, switchboard.isFaulty { throw Fault() }
            }
            let made = NamedCache(
                name: try .named(cache),
                settings: CacheSettings(),
                publicKey: try SecretKey.generate(name: "key-1").publicKey,
                createdAt: 1
            )
            _ = try depot.create(made)
            switchboard.isFaulty = true
            #expect(throws: (any Error).self) { try depot.push(Sample(1), to: cache) }
            switchboard.isFaulty = false
            #expect(try depot.memberNARInfo(Sample(1).hash, in: .named(cache)) == nil)
            #expect(try depot.usage(of: .named(cache)).paths == 0)
            #expect(depot.usage().sizeBytes == 0 && depot.usage().pendingSizeBytes == 0)
            #expect(try test.names(in: "nar").isEmpty && test.names(in: "unfinished").isEmpty)
            try depot.push(Sample(1), to: cache)
            #expect(try depot.memberNARInfo(Sample(1).hash, in: .named(cache)) != nil)
        }
    }

    private struct Fault: Error {}

    private final class Switchboard: @unchecked Sendable {
        // SAFETY: a test has one thread.
        var isFaulty = false
        var reached = 0
    }
}

extension DepotStep {
    fileprivate static let untilMembersAreSeen: [DepotStep] = [
        .arrivalRecorded, .renamed, .directorySynced, .memberRecorded, .narInfoWritten,
        .narInfoRenamed, .narInfoSynced,
    ]
    /// Reached once for each path.
    fileprivate static let repeated: Set<DepotStep> = [
        .renamed, .narInfoWritten, .narInfoRenamed, .narInfoSynced,
    ]
}

extension NARDepot {
    fileprivate func push(
        _ sample: Sample,
        to cache: String,
        over references: [Sample] = []
    ) throws {
        let result = try add([arrival(sample, over: references)], to: .named(cache), form: .zstd)
        guard case .added = result[0] else {
            Issue.record("\(result)")
            return
        }
    }

    fileprivate func arrival(_ sample: Sample, over references: [Sample]) throws -> MemberArrival {
        var narInfo = sample.narInfo
        narInfo.references = references.map(\.narInfo.storePath)
        let upload = try beginUpload(as: .zstd, expectedBytes: 0)
        try unsafe sample.bytes.withUnsafeBytes { try unsafe upload.write($0) }
        try upload.complete()
        return MemberArrival(narInfo, requiring: Set(references.map(\.hash)), from: upload)
    }

    fileprivate func entries(of cache: String) throws -> [MemberEntry] {
        var entries: [MemberEntry] = []
        try forEachMember(of: .named(cache)) { entry, _ in entries.append(entry) }
        return entries
    }
}
