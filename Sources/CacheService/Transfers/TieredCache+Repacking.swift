// SPDX-License-Identifier: Apache-2.0
import Compression
import Logging
import NixFormat
import Upstream

extension TieredCache {
    /// Another cache's file that was passed on once and is nowhere to be had now: the NAR from this
    /// machine, or from a tier that has it in another form, packed in the same way.
    ///
    /// Nix takes it, for it looks at NarHash alone. Another Firn looks at the file's hash: it is told
    /// that the file is not here, and asks for the narinfo as it is now.
    ///
    /// - Parameters:
    ///   - request: Names the file.
    ///   - others: Tiers that have the NAR in another form, the one to be asked first in front.
    ///   - search: Finds more of them.
    /// - Returns: `nil` where nobody has the NAR, or that form cannot be made.
    func repacked(
        _ request: NARRequest,
        _ others: [Candidate],
        _ search: CandidateSearch
    ) async -> NARAnswer? {
        guard case .passed(let file) = request.form, LoopMark.nodes.isEmpty,
            Compressor.knows(file.compression)
        else { return nil }
        do {
            if let local = try await store.repacked(request, as: file.compression) { return local }
        } catch {
            // A tier may have it all the same.
            logger.info("not packed again here", metadata: ["cause": "\(error)"])
        }
        guard let first = others.first, !first.tier.narTrouble.isPresent() || others.count == 1,
            first.narInfo.canBeUnpacked
        else { return nil }
        let narInfo = first.narInfo
        let expectation = Transfer.Expectation(
            sizeBytes: narInfo.narSizeBytes,
            hash: narInfo.narHash
        )
        let identity = CandidateSearch(
            request: NARRequest(
                storeHash: request.storeHash,
                narHash: narInfo.narHash,
                form: .identity
            ),
            tiers: search.tiers
        )
        return .repacked(from: first.tier.name) {
            let chunks = NARChunks(others, narSizeBytes: expectation.sizeBytes, others: identity)
            let nar = VerifiedSource(chunks, expectation, range: nil)
            return try RepackingSource(nar, as: file.compression)
        }
    }
}
