// SPDX-License-Identifier: Apache-2.0

/// What becomes ready while a request is under way, and goes with the next one.
struct Gathering<Item> {
    private var items: [(item: Item, bytes: Int)] = []
    private(set) var isEmpty = true

    mutating func add(_ item: Item, bytes: Int) {
        items.append((item, bytes))
        isEmpty = false
    }

    /// Takes out what goes together, what came first first: at least one, if there is one.
    mutating func take(atMost count: Int, bytes limit: Int) -> [Item] {
        var bytes = 0
        let fitting = items.prefix(count).enumerated().prefix { place, entry in
            bytes += entry.bytes
            return place == 0 || bytes <= limit
        }
        let taken = fitting.map(\.element.item)
        items.removeFirst(taken.count)
        isEmpty = items.isEmpty
        return taken
    }
}
