// SPDX-License-Identifier: Apache-2.0
import Compression
import Depot
import Foundation
import Logging
import NixFormat
import NixStore
import Synchronization

/// Makes deltas for whoever asks, in threads of its own that stand back behind requests, and keeps
/// them for the next one.
///
/// Memory: for each thread two NARs of ``maximumWholeBytes`` and what becomes of them; for each large
/// one that is under way a segment; and within a bound what slow clients have not taken yet of what is
/// not kept.
package final class DeltaMaker: Sendable {
    /// NARs up to this are packed in one piece, as `dcz`; larger ones in segments.
    package static let maximumWholeBytes = 8 << 20
    /// Larger ones are sent in the ordinary form.
    package static let maximumNARBytes: UInt64 = 4 << 30
    /// A delta that saves less than a tenth is not worth what it costs.
    private static let leastGain = 0.9
    /// Whoever asks waits so long for one that is made in one piece, or for the beginning of another.
    private static let patience = Duration.seconds(6)
    private static let maximumSegmented = 4
    /// Deltas of smaller NARs are made again.
    private static let leastKeptBytes: UInt64 = 256 << 10
    /// So small a delta may lie in memory however many clients take their time.
    private static let smallBytes = 64 << 10

    let counters = DeltaCounters()
    let threads: WorkerThreads
    let logger: Logger
    private let shelf: DeltaShelf?
    private let segmented = OpenStreams(maximumCount: maximumSegmented)
    private let flights = FlightTable<DeltaName, MadeDelta?>()
    /// What is kept waits for nothing that is being made.
    private let openers = WorkerThreads(name: "kept deltas", threads: 1, maximumQueued: 256)
    /// For what lies in memory while it is sent.
    private let sending = SpoolMemory(bytes: 16 << 20)
    let effort = DeltaEffort()
    private let useless = Mutex(Halves<DeltaName, Bool>(maximumCount: 10_000))

    /// `shelf`: `nil` where nothing is kept.
    init(shelf: DeltaShelf?, logger: Logger) {
        self.shelf = shelf
        self.logger = logger
        let cores = ProcessInfo.processInfo.activeProcessorCount
        // A thread for two cores: what is asked for meanwhile goes first.
        threads = WorkerThreads(
            name: "delta",
            threads: min(max(cores / 2, 1), 4),
            maximumQueued: 256
        )
    }

    /// A delta that makes one NAR out of another.
    ///
    /// - Parameters:
    ///   - target: What is to be made.
    ///   - base: What the client has.
    ///   - offer: What the client reads.
    ///   - ordinaryBytes: What the target takes in the form that it is sent in otherwise.
    /// - Returns: `nil` when there is none that is worth it, or none in time.
    func make(
        _ target: LocalNAR,
        against base: LocalNAR,
        for offer: DeltaOffer,
        insteadOf ordinaryBytes: UInt64
    ) async -> (content: Content, name: DeltaName)? {
        guard let coding = Self.coding(target, base, offer) else { return nil }
        let name = DeltaName(
            storeHash: target.storeHash,
            narHash: target.narHash,
            baseHash: base.narHash,
            coding: coding
        )
        if useless.withLock({ $0.find(name) }) != nil { return nil }
        let deadline = ContinuousClock.now + Self.patience
        if let kept = await kept(name, until: deadline) {
            counters.kept.wrappingAdd(1, ordering: .relaxed)
            return (kept, name)
        }
        switch coding {
        case .dcz:
            let limit = UInt64(Double(ordinaryBytes) * Self.leastGain)
            let flight = whole(target, base, name, limitBytes: limit, at: offer.pace)
            guard let made = await flight.wait(atMost: deadline - .now) ?? nil else { return nil }
            return await content(made, name, until: deadline).map { ($0, name) }
        case .segmented:
            guard let source = await segments(target, base, name, at: offer.pace) else {
                return nil
            }
            return (.source(sizeBytes: nil) { _ in source }, name)
        }
    }

    /// In which form a delta of these would be; `nil` for none.
    private static func coding(
        _ target: LocalNAR,
        _ base: LocalNAR,
        _ offer: DeltaOffer
    ) -> DeltaName.Coding? {
        let largest = max(target.sizeBytes, base.sizeBytes)
        if largest <= UInt64(maximumWholeBytes), offer.readsDCZ {
            let window = DictionaryCompressedZstd.maximumContentBytes(
                dictionaryBytes: Int(base.sizeBytes)
            )
            if target.sizeBytes <= UInt64(window) { return .dcz }
        }
        return largest <= maximumNARBytes && offer.readsSegments ? .segmented : nil
    }

    private func kept(
        _ name: DeltaName,
        until deadline: ContinuousClock.Instant
    ) async -> Content? {
        guard let shelf, shelf.holds(name) else { return nil }
        let delta = try? await openers.run(deadline: deadline - .now) { shelf.open(name) }
        guard let delta = delta ?? nil else { return nil }
        return .file(
            FileContent(descriptor: delta.descriptor, sizeBytes: delta.sizeBytes, owner: delta)
        )
    }

    /// What was just made, from where it takes no memory if there is such a place.
    private func content(
        _ made: MadeDelta,
        _ name: DeltaName,
        until deadline: ContinuousClock.Instant
    ) async -> Content? {
        if made.body.count <= Self.smallBytes { return .bytes(made.body) }
        if made.isKept, let kept = await kept(name, until: deadline) { return kept }
        let count = made.body.count
        guard let lease = SpoolMemory.Lease(count, within: sending) else { return nil }
        return .source(sizeBytes: UInt64(count)) { _ in HeldBytes(made.body, lease) }
    }

    /// All who want the same share the making of it, and it goes on when they lose patience.
    private func whole(
        _ target: LocalNAR,
        _ base: LocalNAR,
        _ name: DeltaName,
        limitBytes: UInt64,
        at pace: UInt64?
    ) -> Flight<MadeDelta?> {
        flights.join(name) { [self] in
            let place = DeltaEffort.Place(target.sizeBytes, in: effort)
            defer { withExtendedLifetime(place) {} }
            do {
                return try await threads.run(deadline: .seconds(30)) { [self] in
                    try makeWhole(target, base, name, limitBytes: limitBytes, at: pace)
                }
            } catch {
                logger.info("no delta", metadata: ["delta": "\(name)", "cause": "\(error)"])
                return nil
            }
        }
    }

    private func makeWhole(
        _ target: LocalNAR,
        _ base: LocalNAR,
        _ name: DeltaName,
        limitBytes: UInt64,
        at pace: UInt64?
    ) throws -> MadeDelta? {
        // On Linux this is the priority of the calling thread alone: requests go first.
        ThreadPriority.lower(isWaitedFor: true)
        let began = ContinuousClock.now
        let contents = try target.read(atMost: Self.maximumWholeBytes)
        let dictionary = try base.read(atMost: Self.maximumWholeBytes)
        let make = { (compressor: borrowing PrefixCompressor) in
            try DictionaryCompressedZstd.encode(
                contents,
                dictionary: dictionary,
                hash: base.narHash,
                with: compressor
            )
        }
        let body = try effort.better(
            than: make(PrefixCompressor()),
            of: contents.count,
            at: pace,
            make
        )
        counters.noteMade(bytes: body.count, in: began.duration(to: .now))
        guard UInt64(body.count) <= limitBytes else {
            useless.withLock { $0.insert(true, for: name) }
            return nil
        }
        // What is made in a few milliseconds is not worth a file.
        let isWorthAFile = target.sizeBytes >= Self.leastKeptBytes
        return MadeDelta(body: body, isKept: isWorthAFile && keep(body, name))
    }

    /// A disk that fails or is full costs the next one a little time, and nobody an answer.
    ///
    /// - Returns: Whether it is kept now.
    private func keep(_ body: [UInt8], _ name: DeltaName) -> Bool {
        guard let shelf else { return false }
        do {
            guard let pending = try shelf.begin(name), try pending.append(body) else {
                return false
            }
            return try pending.commit()
        } catch {
            logger.info("delta not kept", metadata: ["delta": "\(name)", "cause": "\(error)"])
            return false
        }
    }

    private func segments(
        _ target: LocalNAR,
        _ base: LocalNAR,
        _ name: DeltaName,
        at pace: UInt64?
    ) async -> SegmentedDeltaSource? {
        do {
            let permit = try segmented.admit()
            return try await threads.run(deadline: Self.patience) { [self] in
                ThreadPriority.lower(isWaitedFor: true)
                let plan = SegmentPlan(
                    target: try target.listing(),
                    base: try base.listing(),
                    baseSizeBytes: base.sizeBytes
                )
                guard !plan.isEmpty else { return nil }
                return SegmentedDeltaSource(
                    target,
                    base,
                    plan,
                    into: try? shelf?.begin(name),
                    at: pace,
                    by: self,
                    holding: permit
                )
            }
        } catch {
            logger.info("no delta", metadata: ["delta": "\(name)", "cause": "\(error)"])
            return nil
        }
    }
}

/// What the making of deltas has come to.
package struct MadeDeltas: Hashable, Sendable {
    package var sent: UInt64 = 0
    package var reused: UInt64 = 0
    package var made: UInt64 = 0
    package var madeBytes: UInt64 = 0
    package var madeMicroseconds: UInt64 = 0
    /// What is kept, in whole blocks.
    package var keptBytes: UInt64 = 0

    package init() {}
}

extension DeltaMaker {
    package var figures: MadeDeltas {
        var figures = MadeDeltas()
        figures.sent = counters.sent.load(ordering: .relaxed)
        figures.reused = counters.kept.load(ordering: .relaxed)
        figures.made = counters.made.load(ordering: .relaxed)
        figures.madeBytes = counters.madeBytes.load(ordering: .relaxed)
        figures.madeMicroseconds = counters.madeMicroseconds.load(ordering: .relaxed)
        figures.keptBytes = shelf?.usage.blockBytes ?? 0
        return figures
    }
}

/// What the making of deltas has come to; each only grows.
final class DeltaCounters: Sendable {
    /// Made, whether or not they turned out to be worth sending, and their bytes.
    let made = Atomic<UInt64>(0)
    let madeBytes = Atomic<UInt64>(0)
    let madeMicroseconds = Atomic<UInt64>(0)
    /// Answered with one that had been kept.
    let kept = Atomic<UInt64>(0)
    /// Answers that were deltas.
    let sent = Atomic<UInt64>(0)

    func noteMade(bytes: Int, in time: Duration) {
        made.wrappingAdd(1, ordering: .relaxed)
        noteWork(bytes: bytes, in: time)
    }

    func noteWork(bytes: Int, in time: Duration) {
        madeBytes.wrappingAdd(UInt64(bytes), ordering: .relaxed)
        let microseconds = time / .microseconds(1)
        madeMicroseconds.wrappingAdd(UInt64(max(0, microseconds)), ordering: .relaxed)
    }
}
