// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// Finds all that paths need at run time, in the store's database.
package struct ClosureWalk: Sendable {
    /// A path that is not valid in the store, or no longer.
    package struct NotValid: Error, Hashable, CustomStringConvertible {
        package let hash: StorePathHash
        /// `nil` when it was named only by its hash.
        package let path: StorePath?

        package init(hash: StorePathHash, path: StorePath?) {
            self.hash = hash
            self.path = path
        }

        package var description: String {
            "\(path.map { "\($0)" } ?? "\(hash)") is not a valid path of this store"
        }
    }

    /// Questions to the database at a time; it has four threads.
    private static let width = 4

    private let store: any LocalStore
    private let deadline: Duration

    /// `deadline` is for each question.
    package init(_ store: any LocalStore, deadline: Duration = .seconds(30)) {
        self.store = store
        self.deadline = deadline
    }

    /// The closure of the roots, dependencies first.
    ///
    /// - Throws: ``NotValid``, or `LocalStoreError`.
    package func closure(of roots: [StorePathHash]) async throws -> [PathInfo] {
        var found: [StorePathHash: PathInfo] = [:]
        var asked = Set(roots)
        var frontier: [(hash: StorePathHash, path: StorePath?)] = asked.map { ($0, nil) }
        while !frontier.isEmpty {
            let infos = try await look(for: frontier)
            frontier = []
            for info in infos {
                found[info.path.hash] = info
                for reference in info.references where asked.insert(reference.hash).inserted {
                    frontier.append((reference.hash, reference))
                }
            }
        }
        return Self.sorted(roots, found)
    }

    private func look(
        for paths: [(hash: StorePathHash, path: StorePath?)]
    ) async throws -> [PathInfo] {
        try await withThrowingTaskGroup(of: PathInfo.self) { group in
            var infos: [PathInfo] = []
            infos.reserveCapacity(paths.count)
            for (position, (hash, path)) in paths.enumerated() {
                if position >= Self.width, let info = try await group.next() { infos.append(info) }
                group.addTask {
                    guard let info = try await store.findPathInfo(hash, deadline: deadline) else {
                        throw NotValid(hash: hash, path: path)
                    }
                    return info
                }
            }
            for try await info in group { infos.append(info) }
            return infos
        }
    }

    /// Depth first, without recursion: closures are deep.
    private static func sorted(
        _ roots: [StorePathHash],
        _ found: [StorePathHash: PathInfo]
    ) -> [PathInfo] {
        var order: [PathInfo] = []
        var seen: Set<StorePathHash> = []
        for root in roots {
            guard seen.insert(root).inserted, let info = found[root] else { continue }
            var open = [(info: info, next: 0)]
            while let last = open.last {
                guard last.next < last.info.references.count else {
                    order.append(last.info)
                    open.removeLast()
                    continue
                }
                open[open.count - 1].next += 1
                let hash = last.info.references[last.next].hash
                if seen.insert(hash).inserted, let info = found[hash] { open.append((info, 0)) }
            }
        }
        return order
    }
}
