// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat
import NixStore
import Synchronization

/// A path that this machine has, and where.
struct IndexedPath: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case store
        case depot(ObjectKey)
    }

    let path: StorePath
    let narSizeBytes: UInt64
    let place: Place
    /// Larger for what came later; what is in the store is larger than what is in the depot.
    let recency: Int64

    fileprivate init(_ stored: StoredPath) {
        path = stored.path
        narSizeBytes = stored.narSizeBytes
        place = .store
        recency = stored.id
    }

    fileprivate init(_ kept: KeptPath) {
        path = kept.path
        narSizeBytes = kept.narSizeBytes
        place = .depot(kept.key)
        recency = Int64.min + kept.id
    }
}

/// The valid paths of this machine's store, and those whose NARs its depot keeps, by what they are of;
/// kept current as paths come.
///
/// A path of the store takes some 150 bytes here, one of the depot twice as many. One that has gone is
/// found out when it is wanted.
final class BaseIndex: Sendable {
    fileprivate struct State {
        var paths: [PackageName.Kind: [IndexedPath]] = [:]
        var count = 0
        var lastID: Int64 = 0
        /// The store's change count that all of it is true for.
        var changeCount: UInt64?
        var loadedAt = ContinuousClock.now
        /// Of the depot.
        var keptCount = 0
        var keptArrivals: UInt64?
    }

    private static let pageSize = 10_000
    /// Paths of the store that are indexed, at most; the oldest rows come first.
    private static let maximumCount = 500_000
    private static let maximumKin = 2_000
    private static let deadline = Duration.seconds(5)
    /// After so long it is made anew, without what has gone.
    private static let lifetime = Duration.seconds(86_400)
    /// The name of each is in a file of its own.
    private static let keptPageSize = 200
    private static let maximumKeptCount = 100_000
    private static let keptDeadline = Duration.seconds(30)

    private let store: any LocalStore
    /// `nil` also for one whose objects lie elsewhere: a base that has to be fetched saves nothing.
    private let depot: NARDepot?
    private let state = Mutex(State())
    private let refreshes = FlightTable<UInt64, Bool>()
    /// One at a time, for the first takes a while.
    private let keptRefreshes = FlightTable<Int, Bool>()
    /// One thread, for a disk is behind it.
    private let readers = WorkerThreads(name: "bases", threads: 1, maximumQueued: 16)

    init(_ store: any LocalStore, _ depot: NARDepot?) {
        self.store = store
        self.depot = depot?.isOnThisMachine == true ? depot : nil
    }

    /// Paths that a NAR of this name and size may be made of, the best first; the path itself is not
    /// among them, and another one may be there twice.
    ///
    /// `patience`: How long to wait for the index to become current.
    func candidates(
        for path: StorePath,
        narSizeBytes: UInt64,
        within patience: Duration
    ) async -> [IndexedPath] {
        let deadline = ContinuousClock.now + patience
        await refresh(until: deadline)
        await refreshKept(until: deadline)
        let name = PackageName(path.name)
        // Hundreds of thousands of paths may be called `source`: of those the last ones will do.
        let kin = state.withLock { ($0.paths[name.kind] ?? []).suffix(Self.maximumKin) }
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
        return ranked.sorted().map(\.path)
    }

    /// Lets go of a path that is not there any more.
    func forget(_ path: IndexedPath) {
        let kind = PackageName(path.path.name).kind
        state.withLock { $0.paths[kind]?.removeAll { $0 == path } }
    }

    private struct Ranked: Comparable {
        let path: IndexedPath
        let distance: PackageName.Distance
        let sizeDifference: UInt64

        /// The nearest version; of the same the nearest size, which tells variants apart; then the
        /// one that came last.
        static func < (left: Self, right: Self) -> Bool {
            if left.distance != right.distance { return left.distance < right.distance }
            if left.sizeDifference != right.sizeDifference {
                return left.sizeDifference < right.sizeDifference
            }
            return left.path.recency > right.path.recency
        }
    }
}

// MARK: - Keeping it current

extension BaseIndex {
    private func refresh(until deadline: ContinuousClock.Instant) async {
        let changeCount = store.changeCount
        guard state.withLock({ $0.changeCount != changeCount }) else { return }
        let flight = refreshes.join(changeCount) { [self] in
            await load(changeCount)
            return true
        }
        _ = await flight.wait(atMost: deadline - .now)
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

    private func refreshKept(until deadline: ContinuousClock.Instant) async {
        guard let depot else { return }
        let known = state.withLock { $0.keptArrivals }
        let (_, count) = depot.changes.arrivals(since: known ?? 0)
        guard known != count else { return }
        let flight = keptRefreshes.join(0) { [self] in
            await loadKept(depot)
            return true
        }
        _ = await flight.wait(atMost: deadline - .now)
    }

    /// What has come since the last time; at first, and after too much of it, all that there is.
    private func loadKept(_ depot: NARDepot) async {
        let known = state.withLock { $0.keptArrivals }
        // Before anything is read, so that what comes meanwhile is read the next time.
        let (keys, count) = depot.changes.arrivals(since: known ?? 0)
        let isRead: Bool
        if known != nil, let keys {
            isRead = await read { (try depot.keptPaths(of: keys), nil) } != nil
        } else {
            state.withLock { $0.dropKept() }
            isRead = await readAll(of: depot)
        }
        // What fails now is tried again by whoever asks next.
        if isRead { state.withLock { $0.keptArrivals = count } }
    }

    private func readAll(of depot: NARDepot) async -> Bool {
        var last: ObjectKey?
        while state.withLock({ $0.keptCount < Self.maximumKeptCount }) {
            let after = last
            let page = await read {
                try depot.keptPaths(after: after, limit: Self.keptPageSize)
            }
            guard let page else { return false }
            guard let end = page.end else { return true }
            last = end
        }
        return true
    }

    private typealias KeptPage = (paths: [KeptPath], end: ObjectKey?)

    /// Takes in a page; `nil` when the depot does not answer.
    private func read(_ page: @escaping @Sendable () throws -> KeptPage) async -> KeptPage? {
        let read = try? await readers.run(deadline: Self.keptDeadline) {
            // On Linux this is the priority of the calling thread alone: requests go first.
            ThreadPriority.lower()
            return try page()
        }
        if let read { state.withLock { $0.add(read.paths) } }
        return read
    }
}

extension BaseIndex.State {
    fileprivate mutating func add(_ page: [StoredPath]) {
        for path in page where path.id > lastID {
            lastID = path.id
            guard !path.path.isDerivation else { continue }
            paths[PackageName(path.path.name).kind, default: []].append(IndexedPath(path))
            count += 1
        }
    }

    fileprivate mutating func add(_ kept: [KeptPath]) {
        for path in kept where !path.path.isDerivation {
            let path = IndexedPath(path)
            let kind = PackageName(path.path.name).kind
            guard paths[kind]?.contains(path) != true else { continue }
            paths[kind, default: []].append(path)
            keptCount += 1
        }
    }

    fileprivate mutating func dropKept() {
        for kind in paths.keys { paths[kind]?.removeAll { $0.place != .store } }
        keptCount = 0
    }
}
