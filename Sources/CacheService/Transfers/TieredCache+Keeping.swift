// SPDX-License-Identifier: Apache-2.0
import Depot
import Glibc
import Logging
import NixFormat
import NixStore
import Synchronization

extension TieredCache {
    /// Room for the bytes of one transfer.
    ///
    /// - Returns: `nil` when there is none: the bytes can still be passed on.
    func makeSpool(_ sizeBytes: UInt64) -> (any SpoolFile)? {
        if sizeBytes <= Transfer.checkedFirstBytes, let memory = roomInMemory(sizeBytes) {
            return memory
        }
        guard spoolingResumesAt.withLock({ $0 }) <= .now else { return windowInMemory() }
        if let depot = store.depot {
            do {
                // What only stays for latecomers goes before what the depot keeps.
                if depot.usage().isFull(with: sizeBytes) { transfers.dropEnded() }
                if depot.usage().allowsSpool(of: sizeBytes),
                    let spool = try roomInDepot(depot, sizeBytes)
                {
                    return overflowing(spool)
                }
                // It passes through without staying.
                return windowInMemory()
            } catch {
                return spoolFailed(error)
            }
        }
        do {
            return overflowing(try WindowFile(in: configuration.transitDirectory))
        } catch {
            return spoolFailed(error)
        }
    }

    /// A file for a NAR that is being made out of a delta; all of it stays until it is let go.
    ///
    /// - Returns: `nil` when there is no room.
    func makeRebuildSpool(_ sizeBytes: UInt64) -> (any SpoolFile)? {
        guard spoolingResumesAt.withLock({ $0 }) <= .now else { return nil }
        do {
            if let depot = store.depot {
                guard depot.usage().allowsSpool(of: sizeBytes) else { return nil }
                return try roomInDepot(depot, sizeBytes)
            }
            let directory = configuration.transitDirectory
            // What goes on to the client may take as much again.
            guard try FreeSpace.bytes(at: directory) / 3 > sizeBytes,
                let lease = SpoolMemory.Lease(Int(sizeBytes), within: rebuildDisk)
            else { return nil }
            return LeasedSpool(try WindowFile(in: directory), lease)
        } catch {
            return spoolFailed(error)
        }
    }

    private func windowInMemory() -> (any SpoolFile)? {
        OverflowingSpool(memoryWithin: overflowMemory)
    }

    /// A disk that becomes full ends no transfer that is under way.
    private func overflowing(_ file: any SpoolFile) -> any SpoolFile {
        OverflowingSpool(file, within: overflowMemory) { [weak self] in self?.spoolFailed($0) }
    }

    /// Why nothing is kept at this moment, for people.
    package var keepingTrouble: String? {
        guard spoolingResumesAt.withLock({ $0 }) > .now || store.isDepotDiskFull else { return nil }
        return "its disk is full or fails: nothing is kept, everything is passed on"
    }

    private func roomInMemory(_ sizeBytes: UInt64) -> (any SpoolFile)? {
        if let memory = MemorySpool(sizeBytes, within: spoolMemory) { return memory }
        transfers.dropEnded()
        return MemorySpool(sizeBytes, within: spoolMemory)
    }

    private func roomInDepot(_ depot: NARDepot, _ sizeBytes: UInt64) throws -> (any SpoolFile)? {
        do {
            let spool = try depot.makeSpool(expectedBytes: sizeBytes)
            return DepotSpool(spool, sizeBytes: sizeBytes)
        } catch DepotError.full {
            return nil
        }
    }

    /// For a while nothing is kept on the disk; everything is still passed on.
    @discardableResult
    func spoolFailed(_ error: any Error) -> (any SpoolFile)? {
        logger.warning("nothing is kept for a while", metadata: ["cause": "\(error)"])
        spoolingResumesAt.withLock { $0 = .now + Self.spoolingPause }
        return nil
    }

    private static let spoolingPause = Duration.seconds(30)

    /// What the depot keeps of a path that the store does not have.
    ///
    /// - Returns: The answer, and whether a key that is trusted here has signed it: what nobody
    ///   vouches for, be it damaged or of a tier without keys, does not go ahead of other caches.
    func keptNARInfo(
        _ hash: StorePathHash
    ) async -> (answer: NARInfoAnswer, isVouchedFor: Bool)? {
        guard let depot = store.depot else { return nil }
        let kept: KeptNARInfo?
        do {
            kept = try await store.workers.run(deadline: store.configuration.lookupDeadline) {
                try depot.narInfo(for: hash)
            }
        } catch {
            logger.warning("depot does not answer", metadata: ["cause": "\(error)"])
            return nil
        }
        guard var narInfo = kept?.narInfo else { return nil }
        let keysVersion = store.keys.version
        let fingerprint = narInfo.fingerprint(in: storeDirectory)
        // Keys that came since have not signed yet; they do not vouch for what nobody vouched for.
        let isVouchedFor = isVouchedFor(fingerprint, by: narInfo.signatures)
        if isVouchedFor {
            narInfo.signatures = store.keys.adding(
                to: narInfo.signatures,
                fingerprint: fingerprint
            )
        }
        let answer = NARInfoAnswer(narInfo, in: storeDirectory, from: LocalTierName.depot)
        if isVouchedFor { answers.remember(answer, for: hash, keysVersion: keysVersion) }
        return (answer, isVouchedFor)
    }

    /// Whether one of our keys, or a key that we trust a tier by, has signed.
    private func isVouchedFor(_ fingerprint: [UInt8], by signatures: [Signature]) -> Bool {
        let trusted = store.keys.publicKeys + tiers.flatMap(\.configuration.publicKeys)
        return signatures.contains { signature in
            trusted.contains { $0.verifies(signature, of: fingerprint) }
        }
    }

    /// Puts what has come into the depot, in its own time: nobody waits for it.
    func keep(_ transfer: Transfer, _ request: NARRequest, _ candidate: Candidate) {
        let narInfo = candidate.narInfo
        guard let depot = store.depot, narInfo.compression.canBeUnpacked,
            let key = try? ObjectKey(
                storeHash: narInfo.storePath.hash,
                narHash: narInfo.narHash,
                form: store.configuration.form
            )
        else { return }
        let arrival = ContinuousClock.now
        let isAccepted = keepers.submit { [self] in
            standBack(until: arrival + Self.longestWait)
            // On Linux this is the priority of the calling thread alone: requests go first.
            ThreadPriority.lower()
            // Packed it may be as large as the NAR; what is kept would go in place of what lingers.
            if depot.usage().isFull(with: narInfo.narSizeBytes) { transfers.dropEnded() }
            do {
                do {
                    try keepNow(transfer, request, candidate, depot.begin(key))
                } catch DepotError.full {
                    // Transfers that only stay for latecomers take room that this one can have.
                    transfers.dropEnded()
                    try keepNow(transfer, request, candidate, depot.begin(key))
                }
                answers.forget(request.storeHash)
            } catch DepotError.alreadyStored {
                // A tier was asked all the same: perhaps because the narinfo here is damaged.
                _ = try? depot.describe(key, by: signed(narInfo, from: candidate.tier))
            } catch DepotError.alreadyBeingWritten {
                return
            } catch {
                logger.info("not kept", metadata: ["nar": "\(key)", "cause": "\(error)"])
                if error is NARMismatch { candidate.tier.distrust(request.storeHash) }
            }
        }
        if !isAccepted { logger.info("not kept: too many wait", metadata: ["nar": "\(key)"]) }
    }

    /// At most so long what has come waits for others that are coming.
    private static let longestWait = Duration.seconds(10)

    /// Packing takes a processor, which clients who wait for their bytes need more.
    private func standBack(until deadline: ContinuousClock.Instant) {
        while transfers.quiet < .milliseconds(200), .now < deadline { usleep(50_000) }
    }

    private func keepNow(
        _ transfer: Transfer,
        _ request: NARRequest,
        _ candidate: Candidate,
        _ pending: PendingObject
    ) throws {
        let narInfo = candidate.narInfo
        let method: NARCompression =
            switch request.form {
            case .passed(let file): file.compression
            case .identity, .zstd: .none
            }
        let source = try ObjectSource(
            SpooledNAR(TransferSource(transfer, range: nil), packed: method, as: narInfo),
            as: pending.key.form,
            into: (pending, describedBy: signed(narInfo, from: candidate.tier))
        ) { _ in }
        try unsafe withUnsafeTemporaryAllocation(byteCount: 256 << 10, alignment: 16) { scratch in
            while try unsafe source.fill(scratch) > 0 {}
        }
        if let failure = source.keepingFailure { throw failure }
    }

    /// A `.nar.zst` that was advertised and then evicted, from a cache that still has the NAR.
    func madeAgain(
        _ request: NARRequest,
        _ candidates: [Candidate],
        _ search: CandidateSearch
    ) -> NARAnswer {
        let candidate = candidates[0]
        let narInfo = candidate.narInfo
        let expectation = Transfer.Expectation(
            sizeBytes: narInfo.narSizeBytes,
            hash: narInfo.narHash
        )
        return NARAnswer(
            content: .source(sizeBytes: nil) { [self] _ in
                let chunks = NARChunks(
                    candidates,
                    narSizeBytes: expectation.sizeBytes,
                    others: search
                )
                let nar = VerifiedSource(chunks, expectation, range: nil)
                let key = ObjectKey(request, narInfo.narHash)
                let pending = key.flatMap { try? store.depot?.begin($0) }
                return try ObjectSource(
                    nar,
                    as: .zstd,
                    into: pending.map { ($0, describedBy: signed(narInfo, from: candidate.tier)) }
                ) { _ in }
            },
            entityTag: request.entityTag(narHash: narInfo.narHash),
            allowsRanges: false,
            tierName: candidate.tier.name
        )
    }
}

extension DepotUsage {
    fileprivate func isFull(with more: UInt64) -> Bool {
        sizeBytes + pendingSizeBytes + more > maximumSizeBytes
    }

    /// Whether a spool may take room, if need be from what is kept: one always, so that a depot that
    /// is full goes on taking what is new; several up to a quarter of the size.
    fileprivate func allowsSpool(of bytes: UInt64) -> Bool {
        !isFull(with: bytes) || pendingSizeBytes == 0
            || pendingSizeBytes + bytes <= maximumSizeBytes / 4
    }
}

/// A file within a bound of its own.
private final class LeasedSpool: SpoolFile {
    let keepsAll = true
    private let file: WindowFile
    private let lease: SpoolMemory.Lease

    init(_ file: WindowFile, _ lease: SpoolMemory.Lease) {
        self.file = file
        self.lease = lease
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws { try unsafe file.append(bytes) }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try unsafe file.read(at: offset, into: buffer)
    }

    func part(_ range: Range<UInt64>) -> ReadyPart { file.part(range) }

    func discard(before offset: UInt64) {}
}

/// A spool of the depot, within its bound.
private final class DepotSpool: SpoolFile {
    let keepsAll = true
    private let spool: Spool
    private let file: FileContent

    init(_ spool: Spool, sizeBytes: UInt64) {
        self.spool = spool
        file = FileContent(
            descriptor: spool.localDescriptor,
            sizeBytes: sizeBytes,
            owner: spool
        )
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws { try unsafe spool.append(bytes) }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try unsafe spool.read(at: offset, into: buffer)
    }

    func part(_ range: Range<UInt64>) -> ReadyPart { .file(file, range: range) }

    func discard(before offset: UInt64) {}
}
