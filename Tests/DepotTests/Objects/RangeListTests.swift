// SPDX-License-Identifier: Apache-2.0
import Depot
import Testing

@Suite struct RangeListTests {
    /// Against a set of numbers, which cannot be wrong.
    @Test(arguments: 0..<40) func knowsWhatWasPutIn(seed: UInt64) {
        var random = Random(state: seed &* 2_654_435_761 &+ 12345)
        var list = RangeList()
        var known: Set<UInt64> = []
        for _ in 0..<60 {
            let start = random.next() % 100
            let range = start..<start + random.next() % 20
            let gaps = list.gaps(in: range)
            #expect(Set(gaps.flatMap(Array.init)) == Set(range).subtracting(known))
            if random.next() % 4 == 0 {
                list.remove(range)
                known.subtract(range)
            } else {
                list.insert(range)
                known.formUnion(range)
            }
            #expect(Set(list.ranges.flatMap(Array.init)) == known)
            #expect(
                zip(list.ranges, list.ranges.dropFirst()).allSatisfy {
                    $0.upperBound < $1.lowerBound
                }
            )
            #expect(list.ranges.allSatisfy { !$0.isEmpty })
            var end = start
            while known.contains(end) { end += 1 }
            #expect(list.end(from: start) == end)
        }
    }

    private struct Random {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
    }
}
