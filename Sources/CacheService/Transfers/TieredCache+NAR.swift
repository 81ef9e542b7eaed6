// SPDX-License-Identifier: Apache-2.0
import Logging
import NixFormat
import Synchronization
import Upstream

extension TieredCache {
    /// The NAR, if everything needed to send it is on this machine and in memory; never waits.
    package func knownNAR(_ request: NARRequest) -> NARAnswer? {
        if let known = store.knownNAR(request) { return known }
        if let transfer = transfers.find(request), transfer.isWhole {
            return answer(request, joining: transfer)
        }
        let search = CandidateSearch(request: request, tiers: tiers)
        switch request.form {
        case .passed(let file):
            // Only other caches have files of this form: nobody else needs to be asked before.
            return passed(file, request, search.remembered(), search)
        case .identity:
            // Its narinfo came from a tier, after everybody nearer had been asked.
            let known = answers.recall(request.storeHash, keysVersion: store.keys.version)
            guard let known, tiers.contains(where: { $0.name == known.tierName }) else {
                return nil
            }
            return identity(request, search.remembered(), search)
        case .zstd: return nil
        }
    }

    private func identity(
        _ request: NARRequest,
        _ candidates: [Candidate],
        _ search: CandidateSearch
    ) -> NARAnswer? {
        guard let narInfo = candidates.first?.narInfo else { return nil }
        let expectation = Transfer.Expectation(
            sizeBytes: narInfo.narSizeBytes,
            hash: narInfo.narHash
        )
        return answer(request, expectation, candidates, search)
    }

    private func passed(
        _ file: PassedFile,
        _ request: NARRequest,
        _ candidates: [Candidate],
        _ search: CandidateSearch
    ) -> NARAnswer? {
        guard let sizeBytes = candidates.first?.narInfo.fileSizeBytes else { return nil }
        let expectation = Transfer.Expectation(sizeBytes: sizeBytes, hash: file.fileHash)
        return answer(request, expectation, candidates, search)
    }

    /// Counts a file of the depot that is sent without having been asked for here.
    package func fileWasSentAgain() { store.counters.depotHits.wrappingAdd(1, ordering: .relaxed) }

    /// The NAR that was asked for, from the first tier that has it.
    ///
    /// - Returns: `nil` when no tier has such a path, or not with these hashes.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when this machine's own store does not answer
    ///   and no other tier has the path.
    package func resolveNAR(_ request: NARRequest) async throws -> NARAnswer? {
        var storeFailure: (any Error)?
        do {
            if let local = try await store.resolveNAR(request) { return local }
        } catch {
            storeFailure = error
        }
        // The hash in its name says that it is the same bytes, whoever brought them.
        if let pushed = try await named?.publicNAR(request) { return pushed }
        if let remote = await remoteNAR(request) { return remote }
        if let storeFailure { throw storeFailure }
        return nil
    }

    private func remoteNAR(_ request: NARRequest) async -> NARAnswer? {
        if let transfer = transfers.find(request), transfer.isWhole {
            return answer(request, joining: transfer)
        }
        let search = CandidateSearch(request: request, tiers: tiers)
        var candidates = search.remembered()
        if candidates.isEmpty {
            let found = tiers.isEmpty ? [] : await search.askedForAny()
            candidates = found.filter(search.fits)
            if candidates.first?.tier.narTrouble.isPresent() ?? true,
                let repacked = await repacked(request, found.filter { !search.fits($0) }, search)
            {
                return repacked
            }
        }
        guard !candidates.isEmpty else { return nil }
        return switch request.form {
        case .passed(let file): passed(file, request, candidates, search)
        case .identity: identity(request, candidates, search)
        case .zstd: madeAgain(request, candidates, search)
        }
    }

    private func answer(_ request: NARRequest, joining transfer: Transfer) -> NARAnswer {
        NARAnswer(
            content: .source(sizeBytes: transfer.expectation.sizeBytes) { range in
                try TransferSource(transfer, range: range)
            },
            entityTag: request.entityTag(narHash: transfer.expectation.hash),
            allowsRanges: true,
            tierName: transfer.tierName
        )
    }

    private func answer(
        _ request: NARRequest,
        _ expectation: Transfer.Expectation,
        _ candidates: [Candidate],
        _ search: CandidateSearch
    ) -> NARAnswer {
        NARAnswer(
            content: .source(sizeBytes: expectation.sizeBytes) { [self] range in
                try open(request, expectation, candidates, search, range)
            },
            entityTag: request.entityTag(narHash: expectation.hash),
            allowsRanges: true,
            tierName: candidates[0].tier.name
        )
    }

    /// Joins a transfer or begins one; the middle of a file that nobody fetches is fetched alone.
    private func open(
        _ request: NARRequest,
        _ expectation: Transfer.Expectation,
        _ candidates: [Candidate],
        _ search: CandidateSearch,
        _ range: Range<UInt64>?
    ) throws -> any ByteSource {
        if let range, range.lowerBound > 0, case .passed = request.form {
            let transfer = transfers.find(request)
            let isNear = (transfer?.progress.receivedBytes ?? 0) + Self.nearBytes > range.lowerBound
            if transfer == nil || !isNear {
                let chunks = FileChunks(
                    candidates,
                    sizeBytes: expectation.sizeBytes,
                    from: range.lowerBound,
                    others: search
                )
                return ChunkByteSource(chunks, sizeBytes: UInt64(range.count))
            }
        }
        // Before a spool is made, which takes room from what the depot keeps.
        if let transfer = transfers.find(request),
            let source = try? TransferSource(transfer, range: range)
        {
            return source
        }
        // Those that have ended only stay for latecomers.
        if transfers.count >= configuration.maximumTransfers { transfers.dropEnded() }
        guard transfers.count < configuration.maximumTransfers else {
            throw CacheError.storageUnavailable(TransferFailure.spool("too many transfers"))
        }
        let chunks: any ChunkSource =
            switch request.form {
            case .passed:
                FileChunks(
                    candidates,
                    sizeBytes: expectation.sizeBytes,
                    others: search,
                    givingWay: .atStart
                )
            case .identity: DeltaChunks(candidates, others: search, in: self)
            case .zstd:
                NARChunks(candidates, narSizeBytes: expectation.sizeBytes, others: search)
            }
        guard let spool = makeSpool(expectation.sizeBytes) else {
            // No room to keep anything: it is only passed on, to this one client.
            return VerifiedSource(chunks, expectation, range: range)
        }
        let lease = leaseForChecking(expectation, candidates[0].tier)
        let (transfer, isNew) = transfers.join(request) {
            Transfer(
                expectation,
                from: candidates[0].tier.name,
                into: spool,
                checkedFirst: lease != nil,
                workers: store.workers
            )
        }
        // A reader before the first byte, so that the transfer is never without one.
        guard let source = try? TransferSource(transfer, range: range) else {
            // What it holds begins too late for this one, who is alone with it then.
            return VerifiedSource(chunks, expectation, range: range)
        }
        if isNew { begin(request, transfer, chunks, candidates[0], holding: lease) }
        return source
    }

    /// Memory for a file that is verified before anybody sees it; `nil` where it is passed on at once.
    private func leaseForChecking(
        _ expectation: Transfer.Expectation,
        _ tier: RemoteTier
    ) -> SpoolMemory.Lease? {
        guard !tier.narRecord.isClean, expectation.sizeBytes > Transfer.checkedFirstBytes,
            expectation.sizeBytes <= Self.mostCheckedFirstBytes
        else { return nil }
        return SpoolMemory.Lease(Int(expectation.sizeBytes), within: checkingMemory)
    }

    /// What comes in a moment over most links, since a client waits for it.
    private static let mostCheckedFirstBytes: UInt64 = 4 << 20

    /// As far ahead of a transfer a reader still waits for it.
    private static let nearBytes: UInt64 = 8 << 20

    private func begin(
        _ request: NARRequest,
        _ transfer: Transfer,
        _ chunks: any ChunkSource,
        _ candidate: Candidate,
        holding lease: SpoolMemory.Lease?
    ) {
        Task { [self] in
            var (candidate, chunks) = (candidate, chunks)
            do {
                var lease = lease
                try await transfer.fetch(from: chunks) { failure in
                    if failure.isOfBytes {
                        distrust(chunks, candidate.narInfo.storePath, failure)
                    }
                    guard let next = await another(request, after: failure) else {
                        return nil
                    }
                    (candidate, chunks) = next
                    return chunks
                }
                withExtendedLifetime(lease) {}
                lease = nil
                for tier in chunks.bringers { tier.narRecord.noteRight() }
                transfers.noteEnd()
                keep(transfer, request, candidate)
                return linger(request, transfer)
            } catch let error as TransferFailure {
                logger.info(
                    "not brought here",
                    metadata: ["path": "\(candidate.narInfo.storePath)", "cause": "\(error)"]
                )
                if case .spool(let cause) = error { spoolFailed(WindowFile.Full(cause: cause)) }
                if error.isOfBytes { distrust(chunks, candidate.narInfo.storePath, error) }
                answers.forget(request.storeHash)
            } catch {}
            transfers.remove(request, transfer)
        }
    }
}

extension TieredCache {
    /// Leaves it for those who come a little later, unless its room is needed before: only the table
    /// holds it.
    private func linger(_ request: NARRequest, _ transfer: Transfer) {
        Task { [transfers, weak transfer] in
            try? await Task.sleep(for: TransferTable.linger)
            if let transfer { transfers.remove(request, transfer) }
        }
    }

    private func distrust(
        _ chunks: any ChunkSource,
        _ path: StorePath,
        _ failure: TransferFailure
    ) {
        for tier in chunks.bringers {
            tier.distrust(path.hash)
            tier.cache.note(badNAR: path, .malformed(failure.description))
        }
    }

    /// The same file from a tier that has sent nothing wrong yet.
    private func another(
        _ request: NARRequest,
        after failure: TransferFailure
    ) async -> (candidate: Candidate, chunks: any ChunkSource)? {
        guard failure.isOfBytes else { return nil }
        let candidates = await CandidateSearch(request: request, tiers: tiers).asked()
        guard let first = candidates.first else { return nil }
        let narInfo = first.narInfo
        switch request.form {
        case .passed:
            return (
                first, FileChunks(candidates, sizeBytes: narInfo.fileSizeBytes, others: nil)
            )
        case .identity, .zstd:
            return (
                first, NARChunks(candidates, narSizeBytes: narInfo.narSizeBytes, others: nil)
            )
        }
    }
}

extension TransferFailure {
    /// Whether bytes came, and were wrong.
    fileprivate var isOfBytes: Bool {
        switch self {
        case .mismatch, .damaged: true
        case .tiersFailed, .abandoned, .spool: false
        }
    }
}

extension RemoteTier {
    /// What it sent was not what it had promised: for a while it is as if it did not have the path.
    func distrust(_ hash: StorePathHash) {
        memory.rememberDamaged(hash, at: .now)
        narTrouble.note()
        narRecord.noteWrong()
    }
}

extension NARRequest {
    /// The bytes behind the URL, as a validator.
    func entityTag(narHash: NixHash) -> String {
        switch form {
        case .identity: narHash.digestText(.nix32)
        case .zstd: "\((self.narHash ?? narHash).digestText(.nix32)).zst"
        case .passed(let file): file.fileHash.digestText(.nix32)
        }
    }
}
