// SPDX-License-Identifier: Apache-2.0
import Testing
import Upstream

/// Each test is a dialogue with the state machine; time goes only when the test says so.
@Suite struct HealthTests {
    private let start = Instant.now
    private let rules = HealthConfiguration()

    private func health(_ addresses: Int = 1) -> Health {
        Health(addressCount: addresses, rules: rules, at: start)
    }

    private func moment(_ milliseconds: Int) -> Instant { start + .milliseconds(milliseconds) }

    private func answer(_ milliseconds: Int, isFirn: Bool = false) -> ProbeAnswer {
        ProbeAnswer(latency: .milliseconds(milliseconds), isFirn: isFirn)
    }

    @Test func anUnknownAddressIsAskedAndProbedAtOnce() {
        var health = health()
        #expect(health.state(at: start) == .unknown)
        #expect(health.permission(at: start) == .ask([0]))
        #expect(health.startProbes(at: start) == [0])
        #expect(health.startProbes(at: start) == [], "one probe at a time")
    }

    @Test func threeFailuresInARowOpenTheCircuit() {
        var health = health()
        for count in 1...3 {
            #expect(health.permission(at: moment(count)) == .ask([0]))
            health.noteFailure(.timedOut, from: 0, startedAt: moment(count), at: moment(count))
        }
        #expect(health.permission(at: moment(4)) == .unavailable)
        #expect(health.state(at: moment(4)) == .down)
        #expect(health.lastFailure == .timedOut)
    }

    @Test func anAnswerBetweenFailuresKeepsItClosed() {
        var health = health()
        for round in 0..<10 {
            let now = moment(round * 10)
            health.noteFailure(.status(500), from: 0, startedAt: now, at: now)
            health.noteFailure(.timedOut, from: 0, startedAt: now, at: now)
            health.noteAnswer(from: 0, startedAt: now, latency: .milliseconds(1), at: now)
        }
        #expect(health.state(at: moment(200)) == .up)
    }

    @Test func oneFailedProbeIsEnoughWhereNothingIsKnown() {
        var health = health()
        _ = health.startProbes(at: start)
        health.noteProbe(of: 0, .failure(.timedOut), startedAt: start, at: moment(1000))
        #expect(health.permission(at: moment(1000)) == .unavailable)
    }

    @Test func anOpenAddressIsProbedUntilItAnswers() {
        var health = health()
        for _ in 0..<3 { health.noteFailure(.timedOut, from: 0, startedAt: start, at: start) }
        // At once, and then again and again.
        var now = start
        for _ in 0..<5 {
            #expect(health.startProbes(at: now) == [0])
            #expect(health.addresses[0].circuit == .halfOpen)
            #expect(health.permission(at: now) == .unavailable, "the probe decides")
            health.noteProbe(of: 0, .failure(.timedOut), startedAt: now, at: now + .seconds(1))
            now += .seconds(1)
            #expect(health.startProbes(at: now) == [])
            let next = health.nextProbe(after: now)
            #expect(next - now >= .milliseconds(500) && next - now <= .seconds(1))
            now = next
        }
        #expect(health.startProbes(at: now) == [0])
        health.noteProbe(of: 0, .success(answer(5)), startedAt: now, at: now + .milliseconds(5))
        #expect(health.state(at: now + .milliseconds(5)) == .up)
        #expect(health.permission(at: now + .milliseconds(5)) == .ask([0]))
    }

    @Test func whatBeganBeforeTheCircuitClosedAgainSaysNothing() {
        var health = health()
        for _ in 0..<3 { health.noteFailure(.timedOut, from: 0, startedAt: start, at: moment(10)) }
        _ = health.startProbes(at: moment(10))
        health.noteProbe(of: 0, .success(answer(5)), startedAt: moment(10), at: moment(20))
        for _ in 0..<9 { health.noteFailure(.timedOut, from: 0, startedAt: start, at: moment(30)) }
        #expect(health.state(at: moment(30)) == .up)
    }

    @Test func retryAfterIsHonouredAndBounded() {
        var health = health(2)
        health.noteRest(.seconds(3), at: start)
        #expect(health.permission(at: moment(2999)) == .resting)
        #expect(health.startProbes(at: moment(2999)) == [], "also by probes")
        #expect(health.state(at: moment(2999)) == .resting)
        #expect(health.permission(at: moment(3000)) == .ask([0, 1]))
        health.noteRest(.seconds(86_400), at: moment(3000))
        #expect(health.permission(at: moment(603_000)) == .ask([0, 1]))
    }

    @Test func aChangedNetworkForgetsEverything() {
        var health = health(2)
        for _ in 0..<3 { health.noteFailure(.timedOut, from: 0, startedAt: start, at: start) }
        _ = health.startProbes(at: start)
        health.noteRest(.seconds(60), at: start)
        health.networkChanged(at: moment(5))
        #expect(health.state(at: moment(5)) == .unknown)
        #expect(health.permission(at: moment(5)) == .ask([0, 1]))
        #expect(health.startProbes(at: moment(5)) == [0, 1])
        // The answer to a probe from before the change.
        health.noteProbe(of: 0, .failure(.timedOut), startedAt: start, at: moment(6))
        #expect(health.permission(at: moment(6)) == .ask([0, 1]))
        #expect(health.startProbes(at: moment(6)) == [], "the new probe is still under way")
    }

    @Test func theQuickestAddressIsChosenAndKept() {
        var health = health(2)
        _ = health.startProbes(at: start)
        health.noteProbe(of: 1, .success(answer(20)), startedAt: start, at: moment(20))
        #expect(health.chosen == 1)
        health.noteProbe(of: 0, .success(answer(18)), startedAt: start, at: moment(30))
        #expect(health.chosen == 1, "a little better is not worth the change")
        #expect(health.permission(at: moment(30)) == .ask([1, 0]))
    }

    @Test func aClearlyQuickerAddressTakesOver() {
        var health = health(2)
        _ = health.startProbes(at: start)
        health.noteProbe(of: 1, .success(answer(20)), startedAt: start, at: moment(20))
        health.noteProbe(of: 0, .success(answer(1)), startedAt: start, at: moment(30))
        #expect(health.chosen == 0)
    }

    @Test func theOtherAddressTakesOverWhenTheChosenOneFails() {
        var health = health(2)
        _ = health.startProbes(at: start)
        health.noteProbe(of: 0, .success(answer(1)), startedAt: start, at: moment(1))
        health.noteProbe(of: 1, .success(answer(40)), startedAt: start, at: moment(40))
        #expect(health.chosen == 0)
        for _ in 0..<3 {
            health.noteFailure(.timedOut, from: 0, startedAt: moment(50), at: moment(50))
        }
        #expect(health.chosen == 1)
        #expect(health.permission(at: moment(50)) == .ask([1]))
        #expect(health.state(at: moment(50)) == .up)
    }

    @Test func aTierThatIsThisServerOpensAtOnce() {
        var health = health()
        health.noteAnswer(from: 0, startedAt: start, latency: nil, at: start)
        let due = health.nextProbe(after: start)
        #expect(due - start == rules.idleProbeInterval)
        #expect(health.startProbes(at: due) == [0])
        health.noteProbe(of: 0, .failure(.loop), startedAt: due, at: due)
        #expect(health.permission(at: due) == .unavailable)
        #expect(health.lastFailure == .loop)
    }
}
