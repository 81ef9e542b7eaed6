// SPDX-License-Identifier: Apache-2.0
import NixFormat
import StoreTestSupport
import Testing
import Upstream

@testable import CacheService

@Suite struct TierRaceTests {
    private let path: ScriptedPath

    init() throws {
        path = try ScriptedPath("wanted", [1, 2, 3])
    }

    private func tiers(_ caches: ScriptedCache...) -> [RemoteTier] {
        caches.map { RemoteTier($0, .init()) { _ in false } }
    }

    /// The budget is far longer than in earnest, for a machine that does a hundred other things.
    private func race(
        _ tiers: [RemoteTier],
        budget: Duration = .seconds(60)
    ) async -> (result: TierRace.Result, took: Duration) {
        var race = TierRace(tiers: tiers)
        race.limits.budget = budget
        let began = ContinuousClock.now
        let result = await race.run(path.narInfo.storePath.hash)
        return (result, began.duration(to: .now))
    }

    @Test func theNearerIsTakenWhileItIsQuick() async {
        let near = ScriptedCache("near", [path], .answers(after: .milliseconds(20)))
        let far = ScriptedCache("far", [path])
        var race = TierRace(tiers: tiers(near, far))
        race.limits.usualPatience = .seconds(20)
        race.limits.budget = .seconds(20)
        let result = await race.run(path.narInfo.storePath.hash)
        #expect(result.found?.tier.name == "near")
        #expect(far.lookUpCount == 0)
    }

    @Test func aSlowNearTierIsPassedLongBeforeTheBudget() async {
        let near = ScriptedCache("near", [path], .isSilent)
        let far = ScriptedCache("far", [path])
        let (result, took) = await race(tiers(near, far))
        #expect(result.found?.tier.name == "far")
        #expect(took < .seconds(20), "the near tier would have been silent for longer")
    }

    @Test func aTierWhoseNARsDoNotComeIsAskedLast() async {
        let near = ScriptedCache("near", [path])
        let tiers = tiers(near, ScriptedCache("far", [path]))
        tiers[0].narTrouble.note()
        #expect(await race(tiers).result.found?.tier.name == "far")
        let alone = self.tiers(near, ScriptedCache("empty"))
        alone[0].narTrouble.note()
        #expect(await race(alone).result.found?.tier.name == "near")
    }

    @Test(arguments: [
        UpstreamFailure.unreachable("refused"), .status(500), .status(401), .malformed("garbage"),
        .untrusted, .timedOut, .loop, .resting,
    ])
    func aFailureNeverHidesAnother(_ failure: UpstreamFailure) async {
        let near = ScriptedCache("near", [], .fails(failure))
        let far = ScriptedCache("far", [path], .answers(after: .milliseconds(5)))
        #expect(await race(tiers(near, far)).result.found?.tier.name == "far")
    }

    @Test func aMissIsCertainOnlyWhenEveryTierSaidSo() async {
        let empty = ScriptedCache("empty")
        let broken = ScriptedCache("broken", [], .fails(.status(500)))
        #expect(await race(tiers(empty)).result.isCertain)
        let (result, _) = await race(tiers(broken, empty))
        #expect(result.found == nil && !result.isCertain)
    }

    @Test func silentTiersCostNoMoreThanTheBudget() async {
        let silent = ScriptedCache("one", [], .isSilent)
        let other = ScriptedCache("two", [], .isSilent)
        let (result, took) = await race(tiers(silent, other), budget: .milliseconds(300))
        #expect(result.found == nil)
        #expect(took >= .milliseconds(300) && took < .seconds(15))
    }

    @Test func whatIsKnownToBeDownIsNotWaitedFor() async {
        let down = ScriptedCache("down", [path], .isSilent)
        down.set(.down)
        let (result, took) = await race(tiers(down))
        #expect(result.found == nil && !result.isCertain)
        #expect(took < .seconds(15))
        #expect(down.lookUpCount == 0)
    }

    @Test func missesAreRememberedForAsLongAsTheTierIsSaidToStandStill() async throws {
        let cache = ScriptedCache("one")
        let patient = RemoteTier(cache, .init(negativeLifetime: .seconds(600))) { _ in false }
        for _ in 0..<3 { _ = await race([patient]) }
        #expect(cache.lookUpCount == 1)
        patient.networkChanged()
        _ = await race([patient])
        #expect(cache.lookUpCount == 2)
        let eager = RemoteTier(cache, .init(negativeLifetime: .milliseconds(1))) { _ in false }
        _ = await race([eager])
        try await Task.sleep(for: .milliseconds(5))
        _ = await race([eager])
        #expect(cache.lookUpCount == 4)
    }

    @Test func manyWhoAskAtOnceAskOnce() async {
        let cache = ScriptedCache("one", [path], .answers(after: .milliseconds(50)))
        let tiers = tiers(cache)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { _ = await race(tiers) } }
        }
        #expect(cache.lookUpCount == 1)
    }

    @Test func aFirnIsAskedForTheWholeClosure() async throws {
        let leaves = try (0..<50).map { try ScriptedPath("leaf-\($0)", [UInt8($0)]) }
        let references = leaves.map(\.narInfo.storePath)
        let root = try ScriptedPath("root", [9], references: references)
        let cache = ScriptedCache("firn", leaves + [root], isFirn: true)
        let tiers = tiers(cache)
        let race = TierRace(tiers: tiers)
        #expect(await race.run(root.narInfo.storePath.hash).found != nil)
        for leaf in leaves { #expect(await race.run(leaf.narInfo.storePath.hash).found != nil) }
        #expect(cache.closureCount == 1)
        #expect(cache.lookUpCount == 1)
    }

    @Test func anotherCacheIsAskedAheadForReferences() async throws {
        let leaves = try (0..<50).map { try ScriptedPath("leaf-\($0)", [UInt8($0)]) }
        let references = leaves.map(\.narInfo.storePath)
        let root = try ScriptedPath("root", [9], references: references)
        let cache = ScriptedCache("plain", leaves + [root])
        let tiers = tiers(cache)
        _ = await TierRace(tiers: tiers).run(root.narInfo.storePath.hash)
        let deadline = ContinuousClock.now + .seconds(10)
        while cache.lookUpCount < 51, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(cache.lookUpCount == 51)
        #expect(leaves.allSatisfy { tiers[0].recall($0.narInfo.storePath.hash) != nil })
    }
}
