// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import StoreTestSupport
import Testing
import Upstream

@testable import CacheService

/// NARs that another cache has, as they are passed on.
@Suite struct TransferTests {
    private static let bytes: [UInt8] = {
        var state: UInt64 = 42
        return (0..<1_000_000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }()

    private func cache(_ caches: ScriptedCache...) -> TieredCache {
        let tiers = caches.map { RemoteTier($0, .init()) { _ in false } }
        return .over(.over(MemoryStore()), tiers: tiers)
    }

    private func read(
        _ request: NARRequest?,
        of cache: TieredCache,
        range: Range<UInt64>? = nil
    ) async throws -> [UInt8] {
        try await cache.read(try #require(request), range: range)
    }

    @Test func theBytesAreThoseOfTheOtherCache() async throws {
        let path = try ScriptedPath("a", Self.bytes)
        let cache = cache(ScriptedCache("one", [path]))
        #expect(try await read(path.request, of: cache) == Self.bytes)
    }

    @Test func aHundredReadersAreOneTransfer() async throws {
        let path = try ScriptedPath("a", Self.bytes)
        let scripted = ScriptedCache("one", [path])
        let cache = cache(scripted)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 {
                group.addTask { try await read(path.request, of: cache) == Self.bytes }
            }
            for try await isEqual in group { #expect(isEqual) }
        }
        #expect(scripted.openedOffsets == [0])
    }

    @Test func whatHasComeDoesNotStandInTheWayOfWhatComesNext() async throws {
        let paths = try (0..<8).map { try ScriptedPath("path-\($0)", Array(Self.bytes.prefix(9))) }
        let tier = RemoteTier(ScriptedCache("one", paths), .init()) { _ in false }
        let cache = TieredCache.over(
            .over(MemoryStore()),
            tiers: [tier],
            maximumTransfers: 2
        )
        for path in paths { #expect(try await read(path.request, of: cache).count == 9) }
    }

    @Test func whatIsCutGoesOnAtTheSameTier() async throws {
        let path = try ScriptedPath("a", Self.bytes)
        let scripted = ScriptedCache("one", [path], cuts: [300_000, 700_000])
        #expect(try await read(path.request, of: cache(scripted)) == Self.bytes)
        #expect(scripted.openedOffsets == [0, 300_000, 700_000])
    }

    @Test func whatIsCutGoesOnAtAnotherTier() async throws {
        let path = try ScriptedPath("a", Self.bytes)
        let near = ScriptedCache("near", [path], cuts: [500_000])
        let far = ScriptedCache("far", [path])
        let cache = cache(near, far)
        _ = try await cache.resolveNARInfo(path.narInfo.storePath.hash)
        #expect(try await read(path.request, of: cache) == Self.bytes)
        #expect(near.openedOffsets == [0])
        #expect(far.openedOffsets == [500_000])
    }

    /// A second or two is promised, and the machine is busy; left alone, a stall takes fifteen.
    private static let promised = Duration.seconds(14)

    @Test(arguments: [0, 400_000])
    func aTierThatStallsIsRelievedByAnother(_ offset: Int) async throws {
        let path = try ScriptedPath("a", Self.bytes)
        let near = ScriptedCache("near", [path])
        near.set(.stalls(after: offset))
        let far = ScriptedCache("far", [path])
        let cache = cache(near, far)
        _ = try await cache.resolveNARInfo(path.narInfo.storePath.hash)
        let began = ContinuousClock.now
        #expect(try await read(path.request, of: cache) == Self.bytes)
        let took = began.duration(to: .now)
        #expect(took < Self.promised)
        #expect(near.openedOffsets == [0])
        #expect(near.releasedCount == 1)
        #expect(far.openedOffsets == [UInt64(offset)])
    }

    @Test func aTierThatDripsIsRelievedByAnother() async throws {
        let path = try ScriptedPath("a", Self.bytes)
        let near = ScriptedCache("near", [path])
        near.set(.drips(every: .milliseconds(100)))
        let far = ScriptedCache("far", [path])
        let cache = cache(near, far)
        _ = try await cache.resolveNARInfo(path.narInfo.storePath.hash)
        let began = ContinuousClock.now
        #expect(try await read(path.request, of: cache) == Self.bytes)
        let took = began.duration(to: .now)
        #expect(took < Self.promised)
        #expect(far.openedOffsets.count == 1)
        #expect((far.openedOffsets.first ?? 0) > 0, "it goes on from where the other one was")
    }

    @Test func aTierThatIsSlowIsWaitedForWhereThereIsNoOther() async throws {
        let path = try ScriptedPath("a", Array(Self.bytes.prefix(500)))
        let only = ScriptedCache("only", [path])
        only.set(.drips(every: .milliseconds(120)))
        let empty = ScriptedCache("empty")
        #expect(
            try await read(path.request, of: cache(only, empty)) == Array(Self.bytes.prefix(500))
        )
        #expect(only.openedOffsets == [0])
    }

    @Test func aTierWithTroubleIsNotFirstAtTheNextNAR() async throws {
        let paths = try (0..<3).map { try ScriptedPath("path-\($0)", Self.bytes) }
        let near = ScriptedCache("near", paths)
        near.set(.stalls(after: 0))
        let far = ScriptedCache("far", paths)
        let cache = cache(near, far)
        for path in paths {
            _ = try await cache.resolveNARInfo(path.narInfo.storePath.hash)
            #expect(try await read(path.request, of: cache) == Self.bytes)
        }
        #expect(near.openedOffsets.count == 1)
        #expect(far.openedOffsets.count == 3)
    }

    @Test func aTierThatIsSlowInOneFormIsLeftForAnother() async throws {
        var near = try ScriptedPath("a", Self.bytes)
        near.narInfo.compression = .none
        near.narInfo.fileHash = nil
        var far = near
        far.narInfo.url = "elsewhere.nar"
        let first = ScriptedCache("near", [near])
        first.set(.stalls(after: 300_000))
        let second = ScriptedCache("far", [far])
        let cache = cache(first, second)
        _ = try await cache.resolveNARInfo(near.narInfo.storePath.hash)
        let request = NARRequest(
            storeHash: near.narInfo.storePath.hash,
            narHash: near.narInfo.narHash,
            form: .identity
        )
        let began = ContinuousClock.now
        #expect(try await read(request, of: cache) == Self.bytes)
        let took = began.duration(to: .now)
        #expect(took < Self.promised)
        #expect(second.openedOffsets == [0])
    }

    @Test func anotherFormIsUnpackedAndSkippedTo() async throws {
        var near = try ScriptedPath("a", Self.bytes)
        near.narInfo.compression = .none
        near.narInfo.fileHash = nil
        var far = near
        far.narInfo.url = "elsewhere.nar"
        let first = ScriptedCache("near", [near], cuts: [400_000, 400_000, 400_000, 400_000])
        let second = ScriptedCache("far", [far])
        let cache = cache(first, second)
        _ = try await cache.resolveNARInfo(near.narInfo.storePath.hash)
        first.set(.fails(.narMissing))
        let request = NARRequest(
            storeHash: near.narInfo.storePath.hash,
            narHash: near.narInfo.narHash,
            form: .identity
        )
        #expect(try await read(request, of: cache) == Self.bytes)
    }

    @Test func wrongBytesAreNeverEndedCleanly() async throws {
        var path = try ScriptedPath("a", Self.bytes)
        path.file[999_999] ^= 1
        let cache = cache(ScriptedCache("one", [path]))
        await #expect(throws: CacheError.self) { try await read(path.request, of: cache) }
        // And it is not asked for again.
        #expect(try await cache.resolveNARInfo(path.narInfo.storePath.hash) == nil)
    }

    @Test func aTierThatHasNotShownAnythingRightIsVerifiedFirst() async throws {
        let paths = try (0..<3).map { try ScriptedPath("path-\($0)", Self.bytes) }
        var wrong = paths
        for index in [0, 2] { wrong[index].file[500_000] ^= 1 }
        let near = ScriptedCache("near", wrong)
        let cache = cache(near, ScriptedCache("far", paths))
        for path in paths {
            _ = try await cache.resolveNARInfo(path.narInfo.storePath.hash)
            #expect(try await read(path.request, of: cache) == Self.bytes)
        }
        let tier = try #require(cache.tiers.first)
        #expect(!tier.narRecord.isClean)
        #expect(cache.tiers.last?.narRecord.isClean == true)
    }

    @Test func oneRightNARIsEnoughToBeginWithAndNotAfterAWrongOne() {
        let record = NARRecord()
        #expect(!record.isClean)
        record.noteRight()
        #expect(record.isClean)
        record.noteWrong()
        for _ in 0..<20 { record.noteRight() }
        #expect(!record.isClean)
        record.noteRight()
        #expect(record.isClean)
    }

    @Test func aFileThatIsTooShortIsNeverEndedCleanly() async throws {
        var path = try ScriptedPath("a", Self.bytes)
        path.file.removeLast()
        let cache = cache(ScriptedCache("one", [path]))
        await #expect(throws: (any Error).self) { try await read(path.request, of: cache) }
    }

    @Test func aPartIsFetchedAlone() async throws {
        let path = try ScriptedPath("a", Self.bytes)
        let scripted = ScriptedCache("one", [path])
        let part = try await read(path.request, of: cache(scripted), range: 900_000..<950_000)
        #expect(part == Array(Self.bytes[900_000..<950_000]))
        #expect(scripted.openedOffsets == [900_000])
    }

    @Test func narinfosAreRewrittenToURLsOfOurs() async throws {
        let path = try ScriptedPath("a", Self.bytes)
        let cache = cache(ScriptedCache("one", [path]))
        let answer = try await cache.resolveNARInfo(path.narInfo.storePath.hash)
        let text = try #require(answer?.text)
        let narInfo = try NARInfo(
            parsing: text,
            storeDirectory: cache.storeDirectory
        )
        let hash = path.narInfo.narHash.digestText(.nix32)
        #expect(narInfo.url == "nar/\(path.narInfo.storePath.hash)-\(hash)-\(hash).nar.br")
        #expect(answer?.tierName == "one")
        #expect(try await cache.resolveNARInfo(StorePath.named("other").hash) == nil)
    }
}
