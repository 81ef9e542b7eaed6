// SPDX-License-Identifier: Apache-2.0

/// A table of bounded size: when the younger half is full it becomes the older, which is forgotten.
struct Halves<Key: Hashable, Value> {
    private let maximumCount: Int
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]

    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    mutating func find(_ key: Key) -> Value? {
        if let value = young[key] { return value }
        guard let value = old.removeValue(forKey: key) else { return nil }
        insert(value, for: key)
        return value
    }

    mutating func insert(_ value: Value, for key: Key) {
        if young.count >= maximumCount {
            old = young
            young = [:]
        }
        young[key] = value
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
    }

    mutating func remove(_ key: Key) {
        young[key] = nil
        old[key] = nil
    }
}
