// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore
import Upstream

/// What every tier says of a path, from memory and asked now.
package struct Explanation: Sendable {
    package enum Outcome: String, Sendable {
        case found
        case absent
        case failed
    }

    /// One tier's part.
    package struct Tier: Sendable {
        package let name: String
        /// What it said lately, and how long ago.
        package let remembered: (outcome: Outcome, age: Duration)?
        package let outcome: Outcome
        /// Why, where it failed.
        package let reason: String?
        /// What else is known of it that bears on the answer.
        package let note: String?
        package let took: Duration
        package let narInfo: NARInfo?
    }

    package let tiers: [Tier]
    /// The narinfo that a client gets.
    package let answer: NARInfoAnswer?
    /// How its NAR came the last time, or would come now.
    package let delta: DeltaTale?
}

extension TieredCache {
    /// Asks everybody now, memory or not, and also who is known to be down; takes as long as the
    /// slowest, which is no longer than a tier may take for a lookup.
    package func explain(_ hash: StorePathHash) async -> Explanation {
        async let remote = askAll(hash)
        var tiers = [await askStore(hash)]
        if store.depot != nil {
            let began = ContinuousClock.now
            let kept = await keptNARInfo(hash)?.answer
            tiers.append(
                Explanation.Tier(
                    name: LocalTierName.depot,
                    remembered: nil,
                    outcome: kept == nil ? .absent : .found,
                    reason: nil,
                    note: nil,
                    took: began.duration(to: .now),
                    narInfo: kept.flatMap(narInfo)
                )
            )
        }
        let answer = (try? await resolveNARInfo(hash)) ?? nil
        let all = tiers + (await remote)
        return Explanation(tiers: all, answer: answer, delta: await tale(of: hash, all))
    }

    /// Of the tier that has brought it, or of the first that could; what did not come yet is decided
    /// upon as if it were to come now.
    private func tale(
        of hash: StorePathHash,
        _ explained: [Explanation.Tier]
    ) async -> DeltaTale? {
        for tier in self.tiers {
            if let tale = tier.deltas.tale(of: hash) { return tale }
        }
        let remote = explained.first { $0.outcome == .found }
        guard let narInfo = remote?.narInfo,
            let tier = self.tiers.first(where: { $0.name == remote?.name })
        else { return nil }
        let decision = await decideOnDelta(
            narInfo,
            from: tier,
            within: .seconds(5),
            measuring: false
        )
        switch decision {
        case .use(let plan):
            return plan.bases.first.map { base in
                .ordinary("not fetched yet; its base would be \(base.path)")
            }
        case .ordinary(let reason): return .ordinary(reason)
        }
    }

    private func askStore(_ hash: StorePathHash) async -> Explanation.Tier {
        let began = ContinuousClock.now
        var outcome = Explanation.Outcome.absent
        var reason: String?
        var found: NARInfoAnswer?
        do {
            found = try await store.resolveNARInfo(hash)
            outcome = found == nil ? .absent : .found
        } catch {
            (outcome, reason) = (.failed, "the store's database does not answer")
        }
        return Explanation.Tier(
            name: LocalTierName.store,
            remembered: nil,
            outcome: outcome,
            reason: reason,
            note: nil,
            took: began.duration(to: .now),
            narInfo: found.flatMap(narInfo)
        )
    }

    private func narInfo(of answer: NARInfoAnswer) -> NARInfo? {
        try? NARInfo(parsing: answer.text, storeDirectory: storeDirectory)
    }

    @concurrent
    private func askAll(_ hash: StorePathHash) async -> [Explanation.Tier] {
        await withTaskGroup(of: (Int, Explanation.Tier).self) { group in
            for (index, tier) in tiers.enumerated() {
                group.addTask { (index, await Explanation.Tier(asking: tier, for: hash)) }
            }
            var answers: [(Int, Explanation.Tier)] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

extension Explanation.Tier {
    fileprivate init(asking tier: RemoteTier, for hash: StorePathHash) async {
        let began = ContinuousClock.now
        let before = tier.cache.report
        remembered = tier.recall(hash).map { memory in
            (memory.narInfo == nil ? .absent : .found, memory.since.duration(to: began))
        }
        name = tier.name
        switch await tier.askAnyway(hash) {
        case .found(let narInfo):
            (outcome, reason, self.narInfo) = (.found, nil, narInfo)
        case .absent:
            (outcome, reason, narInfo) = (.absent, nil, nil)
        case .failed(let failure):
            (outcome, reason, narInfo) = (.failed, failure.description, nil)
        }
        took = began.duration(to: .now)
        note = Self.note(before, asksBack: tier.cache.report.asksBack)
    }

    /// What lookups make of the tier, whatever it has just said.
    private static func note(_ report: TierReport, asksBack: Bool) -> String? {
        let failure = report.lastFailure.map { ", last: \($0)" } ?? ""
        switch report.state {
        case .down: return "known to be down, so lookups do not ask it\(failure)"
        case .resting: return "wants to be left alone, so nobody asks it"
        case .up, .unknown: return asksBack ? UpstreamFailure.asksBack.description : nil
        }
    }
}
