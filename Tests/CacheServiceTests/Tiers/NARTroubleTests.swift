// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import CacheService

@Suite struct NARTroubleTests {
    private let start = ContinuousClock.now

    @Test func troublePassesAndIsTriedByOneNARAtATime() {
        let trouble = NARTrouble()
        #expect(!trouble.isPresent(at: start) && !trouble.beginTrial(at: start))
        trouble.note(at: start)
        #expect(trouble.isPresent(at: start + .seconds(59)))
        #expect(!trouble.beginTrial(at: start + .seconds(59)))
        let later = start + .seconds(61)
        #expect(!trouble.isPresent(at: later))
        #expect(trouble.beginTrial(at: later))
        #expect(!trouble.beginTrial(at: later))
        #expect(trouble.isPresent(at: later), "others go elsewhere meanwhile")
        trouble.clear()
        #expect(!trouble.isPresent(at: later))
    }

    @Test func troubleThatComesBackStaysLongerUpToABound() {
        let trouble = NARTrouble()
        var now = start
        for seconds in [60, 120, 240, 480, 600, 600] {
            trouble.note(at: now)
            #expect(trouble.isPresent(at: now + .seconds(seconds - 1)))
            now += .seconds(seconds)
            #expect(!trouble.isPresent(at: now))
            #expect(trouble.beginTrial(at: now))
            now += .seconds(1)
        }
    }

    @Test func manyNARsInTheSameTroubleAreOne() {
        let trouble = NARTrouble()
        for second in 0..<10 { trouble.note(at: start + .seconds(second)) }
        #expect(!trouble.isPresent(at: start + .seconds(61)))
    }
}
