// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import Push
import PushTestSupport
import Testing

@Suite struct PushPlanTests {
    private static func info(_ number: Int, _ references: [Int] = []) throws -> PathInfo {
        PathInfo(
            id: Int64(number),
            path: try FolderStore.path(number),
            narHash: SHA256Hasher.hash([]),
            narSizeBytes: UInt64(number) * 1_000,
            references: try references.map { try FolderStore.path($0) }
        )
    }

    private static func decisions(
        _ closure: [PathInfo],
        missing: [Int],
        _ filter: PushFilter,
        others: [Int: PushNeed] = [:]
    ) throws -> [PushPlan.Decision] {
        var needs: [StorePathHash: PushNeed] = [:]
        for number in missing { needs[try FolderStore.path(number).hash] = .send }
        for (number, need) in others { needs[try FolderStore.path(number).hash] = need }
        return PushPlan(
            closure: closure,
            needs: needs,
            filter: filter,
            directory: .standard
        ).items.map(\.decision)
    }

    @Test func whatIsThereIsSkippedAndTheRestSent() throws {
        let closure = try [Self.info(1), Self.info(2, [1])]
        let made = try Self.decisions(closure, missing: [2], .none)
        #expect(made == [.skip(.present), .send])
    }

    @Test func whatNeedsSomethingKeptBackIsKeptBackHoweverFarItIs() throws {
        let closure = try [Self.info(1), Self.info(2, [1]), Self.info(3, [2]), Self.info(4)]
        let filter = try PushFilter(excluding: ["path-1$"])
        let obstacle = try FolderStore.path(1)
        let made = try Self.decisions(closure, missing: [1, 2, 3, 4], filter)
        #expect(
            made == [
                .skip(.excluded(pattern: "path-1$")), .skip(.refersTo(obstacle)),
                .skip(.refersTo(obstacle)), .send,
            ]
        )
    }

    @Test func whatIsKeptBackButThereIsNoObstacle() throws {
        let closure = try [Self.info(1), Self.info(2, [1])]
        let filter = try PushFilter(excluding: ["path-1"])
        #expect(try Self.decisions(closure, missing: [2], filter) == [.skip(.present), .send])
    }

    @Test func aNARMayBeAsLargeAsTheLimit() throws {
        let filter = try PushFilter(excluding: [], maximumNARBytes: 2_000)
        let closure = try [Self.info(2), Self.info(3)]
        let made = try Self.decisions(closure, missing: [2, 3], filter)
        #expect(made == [.send, .skip(.tooLarge(limitBytes: 2_000))])
    }

    @Test func aPathMayReferToItself() throws {
        let closure = [try Self.info(1, [1])]
        #expect(try Self.decisions(closure, missing: [1], .none) == [.send])
    }

    @Test func aPatternIsLookedForInTheWholePath() throws {
        let filter = try PushFilter(excluding: ["^/nix/store/[a-z0-9]{32}-path-7$"])
        let made = try Self.decisions([Self.info(7), Self.info(70)], missing: [7, 70], filter)
        #expect(made == [.skip(.excluded(pattern: filter.patterns[0])), .send])
    }

    @Test func whatTheCacheSaysOfEachPathIsKept() throws {
        let closure = try [Self.info(1), Self.info(2), Self.info(3, [1, 2]), Self.info(4)]
        let others: [Int: PushNeed] = [
            1: .prove(nonce: [7]), 2: .elsewhere(upstream: "nixos"), 4: .send,
        ]
        let made = try Self.decisions(closure, missing: [3], .none, others: others)
        #expect(
            made == [.prove(nonce: [7]), .skip(.elsewhere(upstream: "nixos")), .send, .send]
        )
    }

    @Test func whatTheCacheRefusesTakesWhatNeedsItAndIsToldApartFromAFilter() throws {
        let closure = try [Self.info(1), Self.info(2, [1]), Self.info(3, [2]), Self.info(4)]
        let refused = try FolderStore.path(1)
        let others: [Int: PushNeed] = [1: .refused(reason: "too large"), 4: .prove(nonce: [])]
        let filter = try PushFilter(excluding: ["path-4$"])
        let made = try Self.decisions(closure, missing: [2, 3], filter, others: others)
        #expect(
            made == [
                .skip(.refused(reason: "too large")), .skip(.refersToRefused(refused)),
                .skip(.refersToRefused(refused)), .skip(.excluded(pattern: "path-4$")),
            ]
        )
    }

    @Test func aBrokenPatternIsRefused() {
        #expect(throws: PushFilter.BadPattern.self) { try PushFilter(excluding: ["("]) }
    }
}
