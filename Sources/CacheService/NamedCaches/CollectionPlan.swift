// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What a cache can do without: decided from all that is in it, before anything goes.
///
/// A path is as fresh as the freshest path that needs it, so that what something in use depends on is
/// in use as well. What goes is in an order in which what refers to another comes first; whether that
/// is still so is looked at again where it goes.
package struct CollectionPlan: Sendable {
    package struct Path: Sendable {
        package var hash: StorePathHash
        package var references: [StorePathHash]
        package var sizeBytes: UInt64
        /// Microseconds of Unix time.
        package var usedAt: Int64

        package init(
            hash: StorePathHash,
            references: [StorePathHash],
            sizeBytes: UInt64,
            usedAt: Int64
        ) {
            self.hash = hash
            self.references = references
            self.sizeBytes = sizeBytes
            self.usedAt = usedAt
        }
    }

    package struct Limits: Sendable {
        /// What was not used since goes; `nil` for no such bound.
        package var unusedSince: Int64?
        /// What is to be freed beyond that, of what was not used since `mayGoSince`.
        package var excessBytes: UInt64
        package var mayGoSince: Int64

        package init(unusedSince: Int64?, excessBytes: UInt64, mayGoSince: Int64) {
            self.unusedSince = unusedSince
            self.excessBytes = excessBytes
            self.mayGoSince = mayGoSince
        }
    }

    /// In the order in which they go.
    package private(set) var retired: [StorePathHash] = []
    package private(set) var crowdedOut: [StorePathHash] = []

    /// Plans for all paths of a cache; `pinned` stays with all that it needs.
    package init(_ paths: [Path], pinned: Set<StorePathHash>, _ limits: Limits) {
        let graph = Graph(paths)
        let kept = graph.closure(of: pinned)
        // Referrers first; that they are no fresher than what they refer to keeps it so when sorted.
        let order = graph.referrersFirst
        var uses = paths.map(\.usedAt)
        for index in order {
            for reference in graph.references[index] {
                uses[reference] = max(uses[reference], uses[index])
            }
        }
        var freed: UInt64 = 0
        var rest: [Int] = []
        for index in order where !kept.contains(index) {
            if let limit = limits.unusedSince, uses[index] < limit {
                retired.append(paths[index].hash)
                freed += paths[index].sizeBytes
            } else {
                rest.append(index)
            }
        }
        guard freed < limits.excessBytes else { return }
        let position = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
        rest.sort { (uses[$0], position[$0] ?? 0) < (uses[$1], position[$1] ?? 0) }
        for index in rest {
            guard freed < limits.excessBytes, uses[index] < limits.mayGoSince else { break }
            crowdedOut.append(paths[index].hash)
            freed += paths[index].sizeBytes
        }
    }

    private struct Graph {
        /// By position; only what is in the cache, and not the path itself.
        let references: [[Int]]
        private let positions: [StorePathHash: Int]

        init(_ paths: [Path]) {
            var positions: [StorePathHash: Int] = [:]
            for (index, path) in paths.enumerated() { positions[path.hash] = index }
            references = paths.enumerated().map { index, path in
                path.references.compactMap { positions[$0] }.filter { $0 != index }
            }
            self.positions = positions
        }

        func closure(of hashes: Set<StorePathHash>) -> Set<Int> {
            var found: Set<Int> = []
            var waiting = hashes.compactMap { positions[$0] }
            while let index = waiting.popLast() {
                if found.insert(index).inserted { waiting += references[index] }
            }
            return found
        }

        /// Depth first without recursion, since chains can be long.
        var referrersFirst: [Int] {
            var finished: [Int] = []
            var isVisited = [Bool](repeating: false, count: references.count)
            for start in references.indices where !isVisited[start] {
                isVisited[start] = true
                var stack = [(index: start, next: 0)]
                while let (index, next) = stack.last {
                    guard next < references[index].count else {
                        finished.append(index)
                        stack.removeLast()
                        continue
                    }
                    stack[stack.count - 1].next += 1
                    let reference = references[index][next]
                    guard !isVisited[reference] else { continue }
                    isVisited[reference] = true
                    stack.append((reference, 0))
                }
            }
            return finished.reversed()
        }
    }
}
