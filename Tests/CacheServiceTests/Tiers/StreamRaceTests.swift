// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Testing
import Upstream

@testable import CacheService

/// Who brings the bytes of one file.
@Suite struct StreamRaceTests {
    private func race(from path: ScriptedPath) throws -> (StreamRace, RemoteTier) {
        let tier = RemoteTier(ScriptedCache("one", [path]), .init()) { _ in false }
        let race = StreamRace(
            model: Candidate(tier: tier, narInfo: path.narInfo),
            position: 0,
            sizeBytes: path.narInfo.fileSizeBytes,
            goalBytes: 1,
            search: nil,
            canGiveWay: false,
            hasOtherForm: false
        )
        return (race, tier)
    }

    @Test func whatComesWhileNobodyElseIsFoundIsNotLost() async throws {
        let bytes = (0..<35_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let path = try ScriptedPath("a", bytes)
        let (race, tier) = try race(from: path)
        let stream = try await tier.cache.openNAR(path.narInfo, from: 0)
        let current = StreamRace.Entrant(race.model, stream)
        // It is alone, so the race ends at once, while it is being read from.
        let result = await race.run([], current: current)
        let winner = try #require(result.winner)
        var all = winner.bytes.flatMap(\.self)
        while let more = try await winner.stream.next() { all += more }
        #expect(all == bytes)
    }

    @Test func theFirstOfTwoWins() async throws {
        let path = try ScriptedPath("a", [UInt8](repeating: 3, count: 9))
        let (race, tier) = try race(from: path)
        let other = RemoteTier(ScriptedCache("two", [path]), .init()) { _ in false }
        let candidates = [tier, other].map { Candidate(tier: $0, narInfo: path.narInfo) }
        let result = await race.run(candidates, current: nil)
        #expect(result.winner?.candidate.tier === tier)
        #expect(result.winner?.bytes.flatMap(\.self) == path.file)
        #expect(result.slow.isEmpty && result.failures.isEmpty)
    }
}
