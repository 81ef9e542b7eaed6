// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// Queues what has newly come into the store, whoever brought it there.
///
/// Derivations are left out: nobody fetches them from a cache, their outputs they do.
package struct ArrivalIntake {
    private static let batch = 1_000
    private let store: any LocalStore
    private let queue: PushQueue
    private let remembers: Bool
    private let deadline: Duration
    private var mark: Int64

    /// Begins where an earlier watch ended, or now.
    ///
    /// - Parameters:
    ///   - store: Whose arrivals.
    ///   - queue: Where they go.
    ///   - remembers: Whether the place is kept for the next watch; otherwise everything begins now.
    ///   - deadline: For each question.
    /// - Throws: `LocalStoreError`, ``PushQueue/Failure``.
    package init(
        _ store: any LocalStore,
        into queue: PushQueue,
        remembers: Bool,
        deadline: Duration = .seconds(30)
    ) async throws {
        self.store = store
        self.queue = queue
        self.remembers = remembers
        self.deadline = deadline
        let newest = try await store.newestID(deadline: deadline)
        // A store that was made anew counts from the start again.
        mark = remembers ? min(queue.readMark() ?? newest, newest) : newest
        if remembers { try queue.writeMark(mark) }
    }

    /// Queues what has come since the last time.
    ///
    /// - Returns: What it has queued.
    /// - Throws: `LocalStoreError`, ``PushQueue/Failure``; the same arrivals come again then.
    package mutating func take() async throws -> [StorePath] {
        var taken: [StorePath] = []
        while true {
            let infos = try await store.arrivals(
                after: mark,
                limit: Self.batch,
                deadline: deadline
            )
            guard let last = infos.last else { return taken }
            let paths = infos.map(\.path).filter { !$0.isDerivation }
            for path in paths { try queue.add(path) }
            taken += paths
            if remembers { try queue.writeMark(last.id) }
            mark = last.id
        }
    }
}
