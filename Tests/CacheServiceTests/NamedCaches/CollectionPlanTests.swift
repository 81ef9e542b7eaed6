// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat
import Testing

@Suite struct CollectionPlanTests {
    private func hash(_ number: Int) -> StorePathHash {
        let digest = SHA256Hasher.hash(Array("\(number)".utf8)).digest
        guard let hash = try? StorePathHash(bytes: Array(digest.prefix(20))) else {
            preconditionFailure("20 bytes are a hash")
        }
        return hash
    }

    private func path(
        _ number: Int,
        usedAt: Int64,
        over references: [Int] = []
    ) -> CollectionPlan.Path {
        CollectionPlan.Path(
            hash: hash(number),
            references: references.map(hash),
            sizeBytes: 10,
            usedAt: usedAt
        )
    }

    private func limits(
        unusedSince: Int64? = nil,
        excess: UInt64 = 0,
        mayGoSince: Int64 = .max
    ) -> CollectionPlan.Limits {
        .init(unusedSince: unusedSince, excessBytes: excess, mayGoSince: mayGoSince)
    }

    @Test func whatSomethingFreshNeedsIsFresh() {
        // 1 is old, but 3 needs it by way of 2.
        let paths = [
            path(1, usedAt: 1), path(2, usedAt: 2, over: [1]), path(3, usedAt: 90, over: [2]),
            path(4, usedAt: 3),
        ]
        let plan = CollectionPlan(paths, pinned: [], limits(unusedSince: 50))
        #expect(plan.retired == [hash(4)])
    }

    @Test func whatRefersGoesBeforeWhatItRefersTo() {
        let paths = [
            path(1, usedAt: 9), path(2, usedAt: 5, over: [1]), path(3, usedAt: 7, over: [2]),
        ]
        let plan = CollectionPlan(paths, pinned: [], limits(unusedSince: 50))
        #expect(plan.retired == [hash(3), hash(2), hash(1)])
    }

    @Test func aPinKeepsAllThatItNeeds() {
        let paths = [
            path(1, usedAt: 1), path(2, usedAt: 1, over: [1]), path(3, usedAt: 1, over: [1]),
        ]
        let plan = CollectionPlan(paths, pinned: [hash(2)], limits(unusedSince: 50))
        #expect(plan.retired == [hash(3)])
    }

    @Test func aQuotaTakesTheLeastRecentlyUsedAndNoMoreThanItHasTo() {
        let paths = [path(1, usedAt: 30), path(2, usedAt: 10), path(3, usedAt: 20)]
        let plan = CollectionPlan(paths, pinned: [], limits(excess: 11))
        #expect(plan.crowdedOut == [hash(2), hash(3)])
        let young = CollectionPlan(paths, pinned: [], limits(excess: 11, mayGoSince: 15))
        #expect(young.crowdedOut == [hash(2)])
        #expect(CollectionPlan(paths, pinned: [], limits()).crowdedOut.isEmpty)
    }

    @Test func whatStaysHasAllThatItNeeds() {
        for seed in 0..<200 {
            var generator = SeededRandom(seed: UInt64(seed))
            let count = 30
            let paths = (0..<count).map { number in
                let below = (0..<number).filter { _ in Int.random(in: 0..<6, using: &generator) == 0
                }
                let usedAt = Int64.random(in: 0..<50, using: &generator)
                // Itself, and one that is elsewhere.
                return path(number, usedAt: usedAt, over: below + [number, 1000])
            }
            let pinned = Set(
                (0..<2).map { _ in hash(Int.random(in: 0..<count, using: &generator)) }
            )
            let plan = CollectionPlan(
                paths.shuffled(using: &generator),
                pinned: pinned,
                limits(
                    unusedSince: Bool.random(using: &generator) ? 20 : nil,
                    excess: UInt64.random(in: 0..<200, using: &generator),
                    mayGoSince: 40
                )
            )
            var left = Dictionary(uniqueKeysWithValues: paths.map { ($0.hash, $0) })
            for gone in plan.retired + plan.crowdedOut {
                left[gone] = nil
                let needed = left.values.contains { $0.references.contains(gone) }
                #expect(!needed, "seed \(seed)")
            }
            #expect(pinned.allSatisfy { left[$0] != nil }, "seed \(seed)")
        }
    }

    @Test func aLongChainTakesNoLongTime() {
        let paths = (0..<100_000).map { path($0, usedAt: 1, over: $0 == 0 ? [] : [$0 - 1]) }
        let plan = CollectionPlan(paths, pinned: [], limits(unusedSince: 2))
        #expect(plan.retired.count == paths.count)
        #expect(plan.retired.first == hash(99_999))
    }
}

/// Repeats itself for the same seed: SplitMix64.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
