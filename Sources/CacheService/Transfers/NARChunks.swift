// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat
import Upstream

/// A NAR as it is, unpacked from whatever form a tier has it in.
///
/// Where the files of all tiers that have one form fail, another form is unpacked from its start, and
/// what was handed out already is skipped.
final class NARChunks: ChunkSource, @unchecked Sendable {
    // SAFETY: a ChunkSource has one reader at a time, which is all that touches these fields.
    private var groups: [[Candidate]]
    private let narSizeBytes: UInt64
    private var unpacking: Unpacking?
    /// Bytes of the NAR handed out, and still to be skipped of the form that is being unpacked.
    private var produced: UInt64 = 0
    private var toSkip: UInt64 = 0
    /// Where to look for more tiers.
    private let others: CandidateSearch?
    /// How often a form was left for another one.
    private var turns = 0
    /// How often because it was slow: when all of them are, the first may take its time.
    private var slowTurns = 0

    private var earlier: [RemoteTier] = []
    /// The first file, where its head has come already.
    private var opened: (any NARByteStream)?

    var bringers: [RemoteTier] { earlier + (unpacking?.file.bringers ?? []) }

    private static let pieceBytes = 256 << 10
    private static let mostTurns = 8

    /// - Parameters:
    ///   - candidates: Tiers with the same NAR, the nearest first.
    ///   - narSizeBytes: Before compression; what unpacks to more is refused.
    ///   - others: Finds further tiers when these fail.
    ///   - skippedBytes: Bytes of the NAR that somebody else has handed out.
    ///   - opened: The file of the first candidate, where its head has come already.
    init(
        _ candidates: [Candidate],
        narSizeBytes: UInt64,
        others: CandidateSearch?,
        skipping skippedBytes: UInt64 = 0,
        opened: (any NARByteStream)? = nil
    ) {
        produced = skippedBytes
        toSkip = skippedBytes
        self.opened = opened
        groups = Self.grouped(candidates)
        self.narSizeBytes = narSizeBytes
        self.others = others
    }

    /// Candidates with the same file together, in the order of their first.
    private static func grouped(_ candidates: [Candidate]) -> [[Candidate]] {
        var groups: [[Candidate]] = []
        for candidate in candidates {
            if let index = groups.firstIndex(where: { $0[0].hasSameFile(as: candidate) }) {
                groups[index].append(candidate)
            } else {
                groups.append([candidate])
            }
        }
        return groups
    }

    /// Leaves the form that failed for another one, also of tiers that were found on the way; one that
    /// was only too slow is begun again when no other is left.
    private func turnToAnotherForm(after failure: TransferFailure) async throws(TransferFailure) {
        let left = unpacking
        earlier = bringers
        unpacking = nil
        if case .abandoned = failure { throw failure }
        turns += 1
        guard turns <= Self.mostTurns, !groups.isEmpty else { throw failure }
        let failed = groups.removeFirst()
        var found = left?.file.otherForms ?? []
        if groups.isEmpty, found.isEmpty, let others { found = await others.asked() }
        let known = groups.flatMap { $0 }
        let new = found.filter { found in
            !(known + failed).contains { $0.tier === found.tier && $0.hasSameFile(as: found) }
        }
        groups = Self.grouped(known + new)
        if case .tiersFailed(.timedOut) = failure {
            groups.append(failed)
            slowTurns += 1
        }
        guard !groups.isEmpty else { throw failure }
        toSkip = produced
    }

    func next() async throws(TransferFailure) -> [UInt8]? {
        while true {
            do throws(TransferFailure) {
                let unpacking = try begun()
                guard var bytes = try await unpacking.next() else {
                    guard produced == narSizeBytes else { throw .damaged("it ends too soon") }
                    return nil
                }
                let skipped = min(toSkip, UInt64(bytes.count))
                toSkip -= skipped
                bytes.removeFirst(Int(skipped))
                guard !bytes.isEmpty else { continue }
                guard UInt64(bytes.count) <= narSizeBytes - produced else {
                    throw .damaged("it unpacks to too much")
                }
                produced += UInt64(bytes.count)
                return bytes
            } catch {
                try await turnToAnotherForm(after: error)
            }
        }
    }

    private func begun() throws(TransferFailure) -> Unpacking {
        if let unpacking { return unpacking }
        guard let group = groups.first else { throw .damaged("no tier has it in a known form") }
        let isPatient = slowTurns > 0 && slowTurns >= groups.count
        let made = try Unpacking(
            group,
            others: others,
            isAlone: groups.count == 1,
            isPatient: isPatient,
            opened: opened.take()
        )
        unpacking = made
        return made
    }

    /// One file and its decoder.
    private final class Unpacking {
        let file: FileChunks
        private var decompressor: Decompressor
        private var input: ArraySlice<UInt8> = []
        private var isInputOver = false

        init(
            _ group: [Candidate],
            others: CandidateSearch?,
            isAlone: Bool,
            isPatient: Bool,
            opened: (any NARByteStream)?
        ) throws(TransferFailure) {
            let narInfo = group[0].narInfo
            file = FileChunks(
                group,
                sizeBytes: narInfo.fileSizeBytes,
                others: others,
                givingWay: isPatient ? .never : .always,
                hasOtherForm: !isAlone,
                opened: opened
            )
            do {
                decompressor = try Decompressor(method: narInfo.compression)
            } catch {
                throw .damaged("\(error)")
            }
        }

        func next() async throws(TransferFailure) -> [UInt8]? {
            while true {
                if input.isEmpty, !isInputOver {
                    if let more = try await file.next() {
                        input = more[...]
                    } else {
                        isInputOver = true
                    }
                }
                let output = try step()
                if !output.isEmpty { return output }
                if isInputOver { return nil }
            }
        }

        private func step() throws(TransferFailure) -> [UInt8] {
            do {
                return try unsafe [UInt8](
                    unsafeUninitializedCapacity: NARChunks.pieceBytes
                ) { space, count in
                    let room = UnsafeMutableRawBufferPointer(space)
                    guard !input.isEmpty else {
                        count = isInputOver ? try unsafe decompressor.finish(into: room) : 0
                        return
                    }
                    let progress = try unsafe input.withUnsafeBytes {
                        try unsafe decompressor.decompress($0, into: room)
                    }
                    input.removeFirst(progress.consumedBytes)
                    count = progress.producedBytes
                }
            } catch {
                throw .damaged("\(error)")
            }
        }
    }
}

extension NARCompression {
    /// Whether this program knows the method.
    var canBeUnpacked: Bool {
        switch self {
        case .none, .xz, .zstd, .bzip2: true
        default: false
        }
    }
}
