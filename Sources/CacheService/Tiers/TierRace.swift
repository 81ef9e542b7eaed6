// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Upstream

/// One question to several tiers in their order: the nearer is preferred while it is quick.
///
/// The next tier is asked as soon as the one before has said no or failed, or has taken longer than
/// it usually does. Nothing that one tier does can keep another's answer back, and the whole takes no
/// longer than its budget.
struct TierRace: Sendable {
    struct Limits: Sendable {
        /// For all of it: below the two seconds that the design allows, for what comes on top.
        var budget = Duration.milliseconds(1_500)
        /// How long a tier is alone when nothing is known of its speed.
        var usualPatience = Duration.milliseconds(150)
        var leastPatience = Duration.milliseconds(20)
        var mostPatience = Duration.milliseconds(400)
    }

    /// How it ended.
    struct Result: Sendable {
        var found: (tier: RemoteTier, narInfo: NARInfo)?
        /// Whether every tier that was asked said that it has no such path.
        var isCertain: Bool
    }

    let tiers: [RemoteTier]
    var limits = Limits()

    func run(_ hash: StorePathHash) async -> Result {
        // Tiers that are known to be silent are not waited for, and what is remembered costs nothing.
        // Whose NARs do not come is asked last, or clients would be sent to files that only it has.
        let runners = tiers.filter { $0.isAvailable || $0.recall(hash) != nil }.troubledLast { $0 }
        guard !runners.isEmpty else { return Result(found: nil, isCertain: tiers.isEmpty) }
        return await withTaskGroup(of: Event.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try? await Task.sleep(for: limits.budget)
                return .budgetSpent
            }
            var asked = 0
            var open = 0
            var isCertain = runners.count == tiers.count
            func askNext() {
                guard asked < runners.count else { return }
                let index = asked
                let tier = runners[index]
                asked += 1
                open += 1
                group.addTask { .answered(index, await tier.lookUp(hash)) }
                guard asked < runners.count else { return }
                let patience = patience(with: tier)
                group.addTask {
                    try? await Task.sleep(for: patience)
                    return .impatient(index)
                }
            }
            askNext()
            for await event in group {
                switch event {
                case .answered(let index, .found(let narInfo)):
                    return Result(found: (runners[index], narInfo), isCertain: true)
                case .answered(_, let answer):
                    // Who asks back what we ask has nothing to hide.
                    if case .failed(let failure) = answer, failure != .asksBack {
                        isCertain = false
                    }
                    open -= 1
                    askNext()
                    if open == 0 { return Result(found: nil, isCertain: isCertain) }
                case .impatient(let index):
                    if asked == index + 1 { askNext() }
                case .budgetSpent:
                    return Result(found: nil, isCertain: false)
                }
            }
            return Result(found: nil, isCertain: false)
        }
    }

    private enum Event: Sendable {
        case answered(Int, LookUp)
        case impatient(Int)
        case budgetSpent
    }

    private func patience(with tier: RemoteTier) -> Duration {
        guard let slow = tier.cache.slowLatency else { return limits.usualPatience }
        return min(max(slow, limits.leastPatience), limits.mostPatience)
    }
}
