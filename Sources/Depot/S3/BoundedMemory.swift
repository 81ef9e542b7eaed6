// SPDX-License-Identifier: Apache-2.0

/// What was learned lately, within a bound and for a while.
///
/// Two generations: when the younger one has half of what may be kept, the older one goes and the
/// younger takes its place. What is used moves to the younger.
struct BoundedMemory<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let value: Value
        let cost: Int
        let until: ContinuousClock.Instant
    }

    private let maximumCost: Int
    private let lifetime: Duration
    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    private var youngCost = 0
    /// Grows with every change by somebody who knows; what was asked before it is not remembered.
    private(set) var generation: UInt64 = 0

    init(maximumCost: Int, lifetime: Duration) {
        self.maximumCost = maximumCost
        self.lifetime = lifetime
    }

    mutating func find(_ key: Key, now: ContinuousClock.Instant = .now) -> Value? {
        guard let entry = young[key] ?? old[key] else { return nil }
        guard entry.until > now else {
            young[key] = nil
            old[key] = nil
            return nil
        }
        if young[key] == nil { insert(entry, key) }
        return entry.value
    }

    /// What was found by asking, unless somebody has changed something since.
    mutating func remember(
        _ value: Value,
        cost: Int = 1,
        for key: Key,
        askedAt generation: UInt64
    ) {
        guard generation == self.generation else { return }
        insert(Entry(value: value, cost: cost, until: .now + lifetime), key)
    }

    /// What somebody has just made so.
    mutating func set(_ value: Value, cost: Int = 1, for key: Key) {
        generation += 1
        insert(Entry(value: value, cost: cost, until: .now + lifetime), key)
    }

    mutating func forget(_ key: Key) {
        generation += 1
        young[key] = nil
        old[key] = nil
    }

    mutating func forgetAll() {
        generation += 1
        young = [:]
        old = [:]
        youngCost = 0
    }

    private mutating func insert(_ entry: Entry, _ key: Key) {
        old[key] = nil
        young[key] = entry
        youngCost += entry.cost
        guard youngCost > maximumCost / 2 else { return }
        old = young
        young = [:]
        youngCost = 0
    }
}
