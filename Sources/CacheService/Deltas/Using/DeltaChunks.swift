// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import Upstream

/// A NAR as it is, made out of one that is here where a tier sends what makes it; otherwise, and
/// whenever anything is wrong with that, as ``NARChunks`` brings it.
///
/// Nothing of what is made is handed out before all of it was found to be right, unless that takes
/// longer than a client may be kept waiting: then what every segment's own checksum has confirmed is,
/// and the last of it still only when the whole is right.
final class DeltaChunks: ChunkSource, @unchecked Sendable {
    // SAFETY: a ChunkSource has one reader at a time, which is all that touches these fields.
    private enum State {
        case untried
        case rebuilding(NARRebuild)
        case ordinary(NARChunks)
    }

    private static let pieceBytes = 256 << 10
    /// Nix gives up on a cache that sends nothing for five minutes.
    private static let patience = Duration.seconds(60)
    private static let indexPatience = Duration.seconds(5)
    private static let measuredBytes = (2 << 20)...UInt64(DeltaMaker.maximumWholeBytes)

    private let cache: TieredCache
    private let candidates: [Candidate]
    private let others: CandidateSearch?
    private let isWanted: Gauge.Share
    private var state = State.untried
    private var position: UInt64 = 0
    private var deadline = ContinuousClock.now

    private var narInfo: NARInfo { candidates[0].narInfo }
    private var tier: RemoteTier { candidates[0].tier }

    var bringers: [RemoteTier] {
        switch state {
        case .untried: []
        case .rebuilding: [tier]
        case .ordinary(let chunks): chunks.bringers
        }
    }

    /// - Parameters:
    ///   - candidates: Tiers with the same NAR, the nearest first.
    ///   - others: Finds further tiers when these fail.
    ///   - cache: Knows what is here.
    init(_ candidates: [Candidate], others: CandidateSearch?, in cache: TieredCache) {
        self.candidates = candidates
        self.others = others
        self.cache = cache
        isWanted = Gauge.Share(of: candidates[0].tier.deltas.wantedAtOnce)
    }

    func next() async throws(TransferFailure) -> [UInt8]? {
        while true {
            switch state {
            case .untried: state = await begin()
            case .ordinary(let chunks): return try await chunks.next()
            case .rebuilding(let rebuild):
                do {
                    while !rebuild.isVerified, deadline > .now { try await rebuild.advance() }
                    let bytes = try await rebuild.read(at: position, count: Self.pieceBytes)
                    position += UInt64(bytes.count)
                    if !bytes.isEmpty { return bytes }
                    if rebuild.isVerified { return nil }
                    try await rebuild.advance()
                } catch {
                    if Task.isCancelled { throw .abandoned }
                    rebuild.noteFailure(error)
                    state = .ordinary(ordinary(skipping: position))
                }
            }
        }
    }

    private func ordinary(skipping skippedBytes: UInt64 = 0) -> NARChunks {
        NARChunks(
            candidates,
            narSizeBytes: narInfo.narSizeBytes,
            others: others,
            skipping: skippedBytes
        )
    }

    /// The NAR as the tier has sent it in place of a delta, so that nobody asks twice.
    private func ordinary(_ coded: CodedNARStream) -> NARChunks {
        guard let file = narInfo.ofTheFile(coded) else {
            // Of a packed NAR nobody wants the bytes as they are: something on the way has taken from
            // the question what was said in it.
            tier.deltas.noteFailure(
                narInfo.storePath.hash,
                "what came is neither a delta nor the file"
            )
            return ordinary()
        }
        tier.deltas.noteOrdinary(
            narInfo.storePath.hash,
            "the tier has none of what was offered"
        )
        return NARChunks(
            [Candidate(tier: tier, narInfo: file)] + candidates.dropFirst(),
            narSizeBytes: narInfo.narSizeBytes,
            others: others,
            opened: coded.stream
        )
    }

    private func begin() async -> State {
        let decision = await cache.decideOnDelta(
            narInfo,
            from: tier,
            within: Self.indexPatience,
            measuring: true
        )
        let hash = narInfo.storePath.hash
        guard case .use(let plan) = decision else {
            tier.deltas.ahead.drop(hash)
            if case .ordinary(let reason) = decision { tier.deltas.noteOrdinary(hash, reason) }
            return .ordinary(ordinary())
        }
        do throws(UpstreamFailure) {
            if let body = await tier.deltas.ahead.take(narInfo, from: tier) {
                deadline = .now + Self.patience
                let coded = CodedNARStream(coding: .dcz, stream: ReceivedDelta(body))
                return .rebuilding(rebuild(coded, plan))
            }
            let offered = plan.bases.map {
                NARBase(storeHash: $0.path.hash, narHash: $0.narHash)
            }
            let turn = measuresMaking ? BusyMeter.Turn(of: meter(plan)) : nil
            let coded = try await tier.cache.openNAR(
                narInfo,
                madeOf: offered,
                at: tier.deltaPace
            )
            turn?.end(bytes: coded.coding == .dcz ? narInfo.narSizeBytes : 0)
            switch coded.coding {
            case .dcz, .segmented:
                deadline = .now + Self.patience
                return .rebuilding(rebuild(coded, plan))
            case .identity, .zstd: return .ordinary(ordinary(coded))
            }
        } catch {
            tier.deltas.noteFailure(hash, "the delta did not come: \(error)")
            return .ordinary(ordinary())
        }
    }

    /// Whether the time to the head of the answer is that of the making: what is made in one piece is
    /// made before it, and of a smaller NAR it is the round trip.
    private var measuresMaking: Bool {
        Self.measuredBytes.contains(narInfo.narSizeBytes)
    }

    private func meter(_ plan: DeltaPlan) -> BusyMeter {
        tier.deltas.making(isRebuild: plan.isRebuild)
    }

    private func rebuild(
        _ coded: CodedNARStream,
        _ plan: DeltaPlan
    ) -> NARRebuild {
        NARRebuild(coded, narInfo, plan, from: tier, in: cache)
    }
}

extension NARInfo {
    /// Names the file that came in place of a delta, so that it can be gone on with: what was packed
    /// since the narinfo was written comes packed.
    ///
    /// - Returns: `nil` when it is none that anybody would ask for.
    fileprivate func ofTheFile(_ coded: CodedNARStream) -> NARInfo? {
        guard let sizeBytes = coded.stream.sizeBytes else { return nil }
        switch (coded.coding, compression) {
        case (.identity, .none), (.zstd, .zstd): return sizeBytes == fileSizeBytes ? self : nil
        case (.zstd, .none) where sizeBytes < narSizeBytes:
            var file = self
            file.url += ".zst"
            file.compression = .zstd
            file.fileSizeBytes = sizeBytes
            // What it is will be known by the hash of what it unpacks to.
            file.fileHash = nil
            return file
        default: return nil
        }
    }
}
