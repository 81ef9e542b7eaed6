// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import Synchronization

/// The valid paths of this machine's store by what they are of, kept current as paths come.
///
/// A path takes some 150 bytes here. One that has gone from the store is found out when it is wanted.
final class BaseIndex: Sendable {
    fileprivate struct State {
        var paths: [PackageName.Kind: [StoredPath]] = [:]
        var count = 0
        var lastID: Int64 = 0
        /// The store's change count that all of it is true for.
        var changeCount: UInt64?
        var loadedAt = ContinuousClock.now
    }

    private static let pageSize = 10_000
    /// Paths that are indexed, at most; the oldest rows come first.
    private static let maximumCount = 500_000
    private static let deadline = Duration.seconds(5)
    /// After so long it is made anew, without what has gone.
    private static let lifetime = Duration.seconds(86_400)

    private let store: any LocalStore
    private let state = Mutex(State())
    private let refreshes = FlightTable<UInt64, Bool>()

    init(_ store: any LocalStore) {
        self.store = store
    }

    /// Paths that a NAR of this name and size may be made of, the best first; the path itself is not
    /// among them.
    ///
    /// `patience`: How long to wait for the index to become current.
    func candidates(
        for path: StorePath,
        narSizeBytes: UInt64,
        within patience: Duration
    ) async -> [StoredPath] {
        await refresh(within: patience)
        let name = PackageName(path.name)
        let kin = state.withLock { $0.paths[name.kind] ?? [] }
        let ranked = kin.compactMap { other -> Ranked? in
            // What is far smaller has little of it, and what is far larger costs more than it gives.
            guard other.path != path, other.narSizeBytes >= narSizeBytes / 8,
                other.narSizeBytes / 8 <= max(narSizeBytes, 1 << 20)
            else { return nil }
            let (one, another) = (narSizeBytes, other.narSizeBytes)
            return Ranked(
                path: other,
                distance: name.distance(to: PackageName(other.path.name)),
                sizeDifference: max(one, another) - min(one, another)
            )
        }
        var seen: Set<StorePath> = []
        return ranked.sorted().map(\.path).filter { seen.insert($0.path).inserted }
    }

    /// Lets go of a path that is not valid any more.
    func forget(_ path: StorePath) {
        let kind = PackageName(path.name).kind
        state.withLock { $0.paths[kind]?.removeAll { $0.path == path } }
    }

    private struct Ranked: Comparable {
        let path: StoredPath
        let distance: PackageName.Distance
        let sizeDifference: UInt64

        /// The nearest version; of the same the nearest size, which tells variants apart; then the
        /// one that came last.
        static func < (left: Self, right: Self) -> Bool {
            if left.distance != right.distance { return left.distance < right.distance }
            if left.sizeDifference != right.sizeDifference {
                return left.sizeDifference < right.sizeDifference
            }
            return left.path.id > right.path.id
        }
    }

    private func refresh(within patience: Duration) async {
        let changeCount = store.changeCount
        guard state.withLock({ $0.changeCount != changeCount }) else { return }
        let flight = refreshes.join(changeCount) { [self] in
            await load(changeCount)
            return true
        }
        _ = await flight.wait(atMost: patience)
    }

    private func load(_ changeCount: UInt64) async {
        state.withLock { state in
            if state.loadedAt + Self.lifetime < .now { state = State() }
        }
        while let last = state.withLock({ $0.count < Self.maximumCount ? $0.lastID : nil }) {
            guard
                let page = try? await store.storedPaths(
                    after: last,
                    limit: Self.pageSize,
                    deadline: Self.deadline
                )
            else { return }
            state.withLock { $0.add(page) }
            // Rows that nobody can use may be left out of a page: only an empty one is the end.
            if page.isEmpty { break }
        }
        state.withLock { $0.changeCount = changeCount }
    }
}

extension BaseIndex.State {
    fileprivate mutating func add(_ page: [StoredPath]) {
        for path in page where path.id > lastID {
            lastID = path.id
            guard !path.path.isDerivation else { continue }
            paths[PackageName(path.path.name).kind, default: []].append(path)
            count += 1
        }
    }
}
