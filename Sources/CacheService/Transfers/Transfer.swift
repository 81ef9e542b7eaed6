// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import Synchronization

/// One file on its way here, and all who read it meanwhile.
///
/// It is fetched once, as fast as it comes, whoever reads how slowly and whoever goes away. Its last
/// byte is shown to nobody before all of it was verified.
final class Transfer: Sendable {
    /// What must come.
    struct Expectation: Sendable {
        let sizeBytes: UInt64
        let hash: NixHash
    }

    private enum Ending {
        case complete
        case failed(TransferFailure)
    }

    private struct State {
        var received: UInt64 = 0
        var ending: Ending?
        var positions: [Int: UInt64] = [:]
        var nextReader = 0
        var discarded: UInt64 = 0
        /// Called once each, at the next change.
        var waiting: [@Sendable () -> Void] = []

        mutating func show(_ more: UInt64, isAll: Bool) {
            received += more
            if isAll { ending = .complete }
        }
    }

    /// How far the file may run ahead of its slowest reader where not all of it is kept.
    static let windowBytes: UInt64 = 64 << 20
    /// Nobody has read for so long: it is given up, unless it is to be kept.
    static let abandonAfter = Duration.seconds(10)

    let expectation: Expectation
    /// Names of the tiers that it comes from, for people.
    let tierName: String
    private let spool: any SpoolFile
    /// Whether nobody is shown a byte before all of them were verified; small files always are.
    private let isCheckedFirst: Bool
    private let workers: WorkerThreads
    private let state = Mutex(State())

    init(
        _ expectation: Expectation,
        from tierName: String,
        into spool: any SpoolFile,
        checkedFirst: Bool = false,
        workers: WorkerThreads
    ) {
        self.expectation = expectation
        self.tierName = tierName
        self.spool = spool
        isCheckedFirst = checkedFirst || expectation.sizeBytes <= Self.checkedFirstBytes
        self.workers = workers
    }

    /// How far it is, for people.
    var progress: (receivedBytes: UInt64, readers: Int) {
        state.withLock { ($0.received, $0.positions.count) }
    }

    /// Whether it has ended, well or not.
    var hasEnded: Bool { state.withLock { $0.ending != nil } }

    // MARK: Fetching

    /// Brings it here: to be called once.
    ///
    /// - Parameters:
    ///   - source: Where it comes from.
    ///   - instead: Another place for the same bytes, after a small file has turned out wrong: what
    ///     nobody has seen yet can be fetched again.
    /// - Throws: Why it is not here; its readers are told the same.
    func fetch(
        from source: any ChunkSource,
        instead: (TransferFailure) async -> (any ChunkSource)?
    ) async throws(TransferFailure) {
        do throws(TransferFailure) {
            if isCheckedFirst {
                let bytes = try await checked(from: source, instead: instead)
                try await keep(bytes)
                change { $0.show(UInt64(bytes.count), isAll: true) }
            } else {
                try await passOn(source)
                change { $0.show(0, isAll: true) }
            }
        } catch {
            change { $0.ending = .failed(error) }
            throw error
        }
    }

    /// Files up to this size are shown to nobody before they were verified: they come in one go
    /// anyway, and a client that was sent wrong bytes could not be helped any more.
    static let checkedFirstBytes: UInt64 = 256 << 10

    private func checked(
        from first: any ChunkSource,
        instead: (TransferFailure) async -> (any ChunkSource)?
    ) async throws(TransferFailure) -> [UInt8] {
        var source = first
        while true {
            do throws(TransferFailure) {
                var hasher = SHA256Hasher()
                var all: [UInt8] = []
                all.reserveCapacity(Int(expectation.sizeBytes))
                while let bytes = try await source.next() {
                    hasher.update(bytes)
                    all += bytes
                    try requireRoom(for: UInt64(all.count))
                }
                try verify(hasher, UInt64(all.count))
                return all
            } catch {
                guard let next = await instead(error) else { throw error }
                source = next
            }
        }
    }

    /// Hashes and writes one piece while the next one is coming.
    private func passOn(_ source: any ChunkSource) async throws(TransferFailure) {
        let hasher = RunningHash()
        var count: UInt64 = 0
        var next = try await source.next()
        while let bytes = next {
            count += UInt64(bytes.count)
            try requireRoom(for: count)
            try await waitForRoom()
            async let kept = result { () throws(TransferFailure) in
                try await self.keep(bytes, hashing: hasher)
            }
            let following = await result { () throws(TransferFailure) in try await source.next() }
            try await kept.get()
            next = try following.get()
        }
        try verify(hasher.hasher, count)
    }

    /// An error as a value, for what goes on beside something else.
    private func result<Value: Sendable>(
        _ body: @Sendable () async throws(TransferFailure) -> Value
    ) async -> Result<Value, TransferFailure> {
        do throws(TransferFailure) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }

    /// Touched by one piece of work after the other.
    private final class RunningHash: @unchecked Sendable {
        // SAFETY: each use is awaited before the next one begins.
        var hasher = SHA256Hasher()
    }

    private func requireRoom(for count: UInt64) throws(TransferFailure) {
        guard count <= expectation.sizeBytes else {
            throw .mismatch("more than \(expectation.sizeBytes) bytes came")
        }
    }

    private func verify(_ hasher: SHA256Hasher, _ count: UInt64) throws(TransferFailure) {
        guard count == expectation.sizeBytes else {
            throw .mismatch("fewer than \(expectation.sizeBytes) bytes came")
        }
        let hash = hasher.finalize()
        guard hash == expectation.hash else {
            throw .mismatch("\(hash) came, \(expectation.hash) was promised")
        }
    }

    private func keep(
        _ bytes: [UInt8],
        hashing hash: RunningHash? = nil
    ) async throws(TransferFailure) {
        if let memory = spool as? MemorySpool { return try append(bytes, to: memory) }
        do {
            try await workers.run(deadline: .seconds(60)) { [self] in
                try append(bytes, to: spool)
                guard let hash else { return }
                change { $0.show(UInt64(bytes.count), isAll: false) }
                hash.hasher.update(bytes)
            }
        } catch let failure as TransferFailure {
            throw failure
        } catch {
            throw .spool("\(error)")
        }
    }

    private func append(_ bytes: [UInt8], to spool: any SpoolFile) throws(TransferFailure) {
        do {
            try unsafe bytes.withUnsafeBytes { try unsafe spool.append($0) }
        } catch {
            throw .spool("\(error)")
        }
    }

    /// Holds the fetching back while the slowest reader is too far behind, where not all is kept.
    private func waitForRoom() async throws(TransferFailure) {
        guard !spool.keepsAll else { return }
        var unread: ContinuousClock.Instant?
        while true {
            let (isRoomy, isRead) = state.withLock { state in
                let slowest = state.positions.values.min() ?? state.discarded
                return (state.received < slowest + spool.windowBytes, !state.positions.isEmpty)
            }
            let now = ContinuousClock.now
            if isRead { unread = nil } else { unread = unread ?? now }
            if let unread, unread.duration(to: now) > Self.abandonAfter { throw .abandoned }
            if isRoomy { return }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let waiting = state.withLock { state in
            body(&state)
            defer { state.waiting = [] }
            return state.waiting
        }
        for wake in waiting { wake() }
    }

    // MARK: Reading

    /// Whether all of it is still to be had, from its first byte.
    var isWhole: Bool {
        state.withLock { state in
            if case .failed = state.ending { return false }
            return state.discarded == 0
        }
    }

    /// Counts a reader in, beginning at an offset.
    ///
    /// - Returns: `nil` when the bytes from there on are no longer kept, or the transfer has failed.
    func addReader(at offset: UInt64) -> Int? {
        state.withLock { state in
            guard offset >= state.discarded else { return nil }
            if case .failed = state.ending { return nil }
            state.nextReader += 1
            state.positions[state.nextReader] = offset
            return state.nextReader
        }
    }

    func removeReader(_ reader: Int) {
        state.withLock { _ = $0.positions.removeValue(forKey: reader) }
    }

    /// How many bytes lie ready at a position; 0 when there will never be more.
    ///
    /// - Returns: `nil` when they have not come yet; `wake` is then called at the next change.
    func ready(
        at position: UInt64,
        orWake wake: @escaping @Sendable () -> Void
    ) throws(TransferFailure) -> UInt64? {
        let found: Result<UInt64?, TransferFailure> = state.withLock { state in
            var end = state.received
            switch state.ending {
            case .complete: break
            case .failed(let failure): return .failure(failure)
            case nil: end = min(end, expectation.sizeBytes - 1)
            }
            if end > position { return .success(end - position) }
            if case .complete = state.ending { return .success(0) }
            state.waiting.append(wake)
            return .success(nil)
        }
        return try found.get()
    }

    /// Reads bytes that are ready.
    func read(
        at position: UInt64,
        into buffer: UnsafeMutableRawBufferPointer,
        for reader: Int
    ) throws -> Int {
        let count = try unsafe spool.read(at: position, into: buffer)
        hasRead(upTo: position + UInt64(count), reader)
        return count
    }

    /// The same bytes where they lie; ``hasRead(upTo:_:)`` is to be called when they were used.
    func part(_ range: Range<UInt64>) -> ReadyPart { spool.part(range) }

    /// What lies before this position is no longer needed by a reader.
    func hasRead(upTo position: UInt64, _ reader: Int) {
        let discardable = state.withLock { state -> UInt64? in
            guard state.positions[reader] != nil else { return nil }
            state.positions[reader] = position
            guard !spool.keepsAll, let slowest = state.positions.values.min() else { return nil }
            // What was just begun may still get company.
            guard slowest > spool.windowBytes / 2 else { return nil }
            state.discarded = max(state.discarded, slowest)
            return slowest
        }
        if let discardable { spool.discard(before: discardable) }
    }
}
