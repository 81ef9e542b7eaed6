// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Upstream

/// One file, from whichever tier has it: where one breaks off, another goes on from that byte.
final class FileChunks: ChunkSource, @unchecked Sendable {
    // SAFETY: a ChunkSource has one reader at a time, which is all that touches these fields.
    private var candidates: [Candidate]
    private let sizeBytes: UInt64?
    private var position: UInt64
    private var stream: (any NARByteStream)?
    private var current = 0
    private var failedAt: ContinuousClock.Instant?
    /// Where to look for more tiers; asked once, when the first has failed.
    private var others: CandidateSearch?

    /// How long a transfer that has begun waits for any of its tiers to come back.
    static let patience = Duration.seconds(45)
    private static let pause = Duration.milliseconds(400)

    /// - Parameters:
    ///   - candidates: Tiers with the same file, the nearest first.
    ///   - sizeBytes: Of the file, where a narinfo said it.
    ///   - offset: Where to begin.
    ///   - others: Finds further tiers when these fail.
    init(
        _ candidates: [Candidate],
        sizeBytes: UInt64?,
        from offset: UInt64 = 0,
        others: CandidateSearch?
    ) {
        self.candidates = candidates.filter { $0.hasSameFile(as: candidates[0]) }
        self.others = others
        self.sizeBytes = sizeBytes
        position = offset
    }

    func next() async throws(TransferFailure) -> [UInt8]? {
        while true {
            if let sizeBytes, position >= sizeBytes { return nil }
            do throws(UpstreamFailure) {
                let stream = try await opened()
                guard let bytes = try await stream.next() else {
                    guard sizeBytes == nil else {
                        throw .brokenOff("the file is shorter than its narinfo says")
                    }
                    return nil
                }
                failedAt = nil
                return take(bytes)
            } catch {
                stream = nil
                try await recover(from: error)
            }
        }
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

    private func add(_ found: [Candidate]) {
        for candidate in found
        where candidate.hasSameFile(as: candidates[0])
            && !candidates.contains(where: { $0.tier === candidate.tier })
        {
            candidates.append(candidate)
        }
    }

    private func opened() async throws(UpstreamFailure) -> any NARByteStream {
        if let stream { return stream }
        let candidate = candidates[current]
        let opened = try await candidate.tier.cache.openNAR(candidate.narInfo, from: position)
        if let sizeBytes, let announced = opened.sizeBytes, announced != sizeBytes {
            throw .malformed("the file has \(announced) bytes, its narinfo says \(sizeBytes)")
        }
        stream = opened
        return opened
    }

    /// Turns to the next tier; after all have failed, tries again for a while if bytes had come.
    private func recover(from failure: UpstreamFailure) async throws(TransferFailure) {
        // Where it does not answer at all, its health says so, and knows when it is back.
        if case .timedOut = failure { candidates[current].tier.noteNARTrouble() }
        if Task.isCancelled { throw .abandoned }
        if let search = others {
            others = nil
            await add(search.asked())
        }
        switch failure {
        case .narMissing, .malformed, .loop, .asksBack, .untrusted:
            // Or the next client would be sent there again.
            candidates.remove(at: current).doubt(for: failure)
            if current >= candidates.count { current = 0 }
            guard !candidates.isEmpty else { throw .tiersFailed(failure) }
            return
        case .unavailable, .resting, .unreachable, .timedOut, .status, .brokenOff: break
        }
        current = (current + 1) % candidates.count
        let began = failedAt ?? .now
        failedAt = began
        guard position > 0 || current != 0 else { throw .tiersFailed(failure) }
        guard began.duration(to: .now) < Self.patience else { throw .tiersFailed(failure) }
        // A whole round has failed: it is not this one tier.
        if current == 0 { try? await Task.sleep(for: Self.pause) }
    }
}
