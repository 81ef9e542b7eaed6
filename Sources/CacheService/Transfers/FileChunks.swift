// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Upstream

/// One file, from whichever tier has it: where one breaks off, or is too slow, another goes on from
/// that byte.
final class FileChunks: ChunkSource, @unchecked Sendable {
    // SAFETY: a ChunkSource has one reader at a time, which is all that touches these fields.

    /// When to leave the file for the same NAR in another form, which somebody else then begins.
    enum GivingWay {
        case never
        /// As long as nobody has been handed a byte.
        case atStart
        case always
    }

    private var candidates: [Candidate]
    /// Has the file, whoever else has.
    private let model: Candidate
    private let sizeBytes: UInt64?
    private var position: UInt64
    private var current: (candidate: Candidate, stream: any NARByteStream)?
    /// What a race has brought, still to be handed out.
    private var brought: ArraySlice<[UInt8]> = []
    private var isOver = false
    private var pace = Pace()
    private var failedAt: ContinuousClock.Instant?
    /// Before that nobody is asked beside a tier that is slow, for nobody had more.
    private var nextRace = ContinuousClock.now
    /// Where to look for more tiers, and not before when.
    private let others: CandidateSearch?
    private var nextSearch = ContinuousClock.now
    private let givingWay: GivingWay
    private let hasOtherForm: Bool
    private var hasGivenWay = false
    private(set) var bringers: [RemoteTier] = []
    /// Tiers that were found on the way and have the NAR in another form.
    private(set) var otherForms: [Candidate] = []

    /// How long a transfer that has begun waits for any of its tiers to come back.
    static let patience = Duration.seconds(45)
    private static let pause = Duration.milliseconds(400)
    private static let betweenRaces = Duration.seconds(15)
    /// Who is to take over from a tier that drips has to bring so much first.
    private static let lead = 64 << 10

    /// - Parameters:
    ///   - candidates: Tiers with the same file, the nearest first.
    ///   - sizeBytes: Of the file, where a narinfo said it.
    ///   - offset: Where to begin.
    ///   - others: Finds further tiers when these fail.
    ///   - givingWay: Whether slowness is a failure where another form can be had.
    ///   - hasOtherForm: Whether one is known already.
    ///   - opened: The file at the first of them, where its head has come already.
    init(
        _ candidates: [Candidate],
        sizeBytes: UInt64?,
        from offset: UInt64 = 0,
        others: CandidateSearch?,
        givingWay: GivingWay = .never,
        hasOtherForm: Bool = false,
        opened: (any NARByteStream)? = nil
    ) {
        model = candidates[0]
        self.candidates = candidates.filter { $0.hasSameFile(as: candidates[0]) }
        self.others = others
        self.sizeBytes = sizeBytes
        self.givingWay = givingWay
        self.hasOtherForm = hasOtherForm
        position = offset
        guard let opened else { return }
        current = (candidates[0], opened)
        bringers = [candidates[0].tier]
    }

    func next() async throws(TransferFailure) -> [UInt8]? {
        while true {
            if let sizeBytes, position >= sizeBytes { return end() }
            do throws(UpstreamFailure) {
                guard let bytes = try await nextBytes() else {
                    if let sizeBytes, position < sizeBytes {
                        throw .brokenOff("the file is shorter than its narinfo says")
                    }
                    return end()
                }
                guard !bytes.isEmpty else { continue }
                failedAt = nil
                return take(bytes)
            } catch {
                let failed = current?.candidate
                leave()
                try await recover(from: error, at: failed)
            }
        }
    }

    /// All has come: whoever brought the end of it does well.
    private func end() -> [UInt8]? {
        current?.candidate.tier.narTrouble.clear()
        leave()
        return nil
    }

    private func leave() {
        current = nil
        brought = []
        isOver = false
        pace = Pace()
    }

    /// What is longer than announced is cut here, and found out by its hash.
    private func take(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        if let sizeBytes, UInt64(bytes.count) > sizeBytes - position {
            bytes.removeLast(bytes.count - Int(sizeBytes - position))
        }
        position += UInt64(bytes.count)
        return bytes
    }

    /// - Returns: Nothing where only the tier has changed; `nil` at the end of the file.
    private func nextBytes() async throws(UpstreamFailure) -> [UInt8]? {
        if let bytes = brought.popFirst() { return bytes }
        if isOver { return nil }
        if let stream = current?.stream {
            guard nextRace <= .now else { return try await stream.next() }
            let began = ContinuousClock.now
            let isReady = await stream.isReady(until: began + Pace.stall)
            pace.note(waited: began.duration(to: .now))
            if isReady, !pace.isDripping {
                let bytes = try await stream.next()
                pace.note(bytes: bytes?.count ?? 0)
                return bytes
            }
            if Task.isCancelled { throw .brokenOff("cancelled") }
        }
        try await race()
        return []
    }

    private func race() async throws(UpstreamFailure) {
        let isDripping = current != nil && pace.isDripping
        pace = Pace()
        var search: CandidateSearch?
        if others != nil, nextSearch <= .now { search = others }
        let known = candidates.filter { $0.tier !== current?.candidate.tier }
        let race = StreamRace(
            model: model,
            position: position,
            sizeBytes: sizeBytes,
            goalBytes: isDripping ? Self.lead : 1,
            search: search,
            canGiveWay: givingWay == .always || (givingWay == .atStart && position == 0),
            hasOtherForm: hasOtherForm || !otherForms.isEmpty
        )
        let before = current?.candidate
        let result = await race.run(
            current == nil ? known.inOrder : known.filter { !$0.tier.narTrouble.isPresent() },
            current: current.map { StreamRace.Entrant($0.candidate, $0.stream) }
        )
        if Task.isCancelled { throw .brokenOff("cancelled") }
        add(result.found)
        if result.hasSearched { nextSearch = .now + Self.betweenRaces }
        hasGivenWay = result.givesWay
        for candidate in result.slow { candidate.tier.narTrouble.note() }
        for (candidate, failure) in result.failures { await note(failure, of: candidate) }
        guard let winner = result.winner else {
            throw result.givesWay ? .timedOut : result.failures.last?.failure ?? .unavailable
        }
        current = (winner.candidate, winner.stream)
        let tier = winner.candidate.tier
        if !bringers.contains(where: { $0 === tier }) { bringers.append(tier) }
        brought = winner.bytes[...]
        isOver = winner.isOver
        // It was given a chance to be relieved, and nobody could.
        if winner.candidate.tier === before?.tier { nextRace = .now + Self.betweenRaces }
    }

    private func add(_ found: [Candidate]) {
        for candidate in found {
            if !candidate.hasSameFile(as: model) {
                otherForms.append(candidate)
            } else if !candidates.contains(where: { $0.tier === candidate.tier }) {
                candidates.append(candidate)
            }
        }
    }

    /// One tier has failed: remembered, or the next client would be sent there again.
    private func note(_ failure: UpstreamFailure, of candidate: Candidate) async {
        switch failure {
        case .narMissing, .malformed, .loop, .asksBack, .untrusted:
            candidates.removeAll { $0.tier === candidate.tier }
            await candidate.doubt(for: failure)
        case .timedOut: candidate.tier.narTrouble.note()
        // Where it does not answer at all, its health says so, and knows when it is back.
        case .unavailable, .resting, .unreachable, .status, .brokenOff: break
        }
    }

    /// Goes on to the next tier, or waits for one to come back if bytes had come.
    private func recover(
        from failure: UpstreamFailure,
        at failed: Candidate?
    ) async throws(TransferFailure) {
        if Task.isCancelled { throw .abandoned }
        if hasGivenWay { throw .tiersFailed(failure) }
        if let failed {
            await note(failure, of: failed)
            if let others, nextSearch <= .now {
                nextSearch = .now + Self.betweenRaces
                await add(others.askedForAny())
            }
            // Whoever broke off is not the first to be asked now.
            if let index = candidates.firstIndex(where: { $0.tier === failed.tier }) {
                candidates.append(candidates.remove(at: index))
            }
            if !candidates.isEmpty || others != nil { return noteFailure() }
        }
        guard !candidates.isEmpty, position > 0 else { throw .tiersFailed(failure) }
        noteFailure()
        guard let failedAt, failedAt.duration(to: .now) < Self.patience else {
            throw .tiersFailed(failure)
        }
        // A whole round has failed: it is not this one tier.
        try? await Task.sleep(for: Self.pause)
    }

    private func noteFailure() { failedAt = failedAt ?? .now }
}
