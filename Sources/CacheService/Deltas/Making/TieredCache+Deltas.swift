// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat
import NixStore
import Synchronization

extension TieredCache {
    /// The NAR that was asked for, by a client that can make it out of another.
    ///
    /// A delta where this machine has both; otherwise, and at once, the form that its narinfo offers.
    /// - Returns: As ``resolveNAR(_:)``.
    /// - Throws: As ``resolveNAR(_:)``.
    package func resolveNAR(_ request: NARRequest, for offer: DeltaOffer) async throws -> CodedNAR?
    {
        if request.form == .identity, let narHash = request.narHash {
            if let delta = await store.delta(request.storeHash, narHash, for: offer) {
                return delta
            }
            if offer.readsZstd, let packed = try await store.keptPacked(request) {
                return CodedNAR(answer: packed, coding: "zstd")
            }
        }
        return try await resolveNAR(request).map { CodedNAR(answer: $0, coding: nil) }
    }
}

extension StoreTier {
    /// A delta that is worth it, against the first of the bases that is here.
    func delta(
        _ storeHash: StorePathHash,
        _ narHash: NixHash,
        for offer: DeltaOffer
    ) async -> CodedNAR? {
        guard !offer.bases.isEmpty, let target = await localNAR(storeHash, narHash) else {
            return nil
        }
        for base in offer.bases where base.narHash != narHash {
            guard let base = await localNAR(base) else { continue }
            let ordinaryBytes = await packedBytes(target) ?? target.sizeBytes
            let made = await deltas.make(
                target,
                against: base,
                for: offer,
                insteadOf: ordinaryBytes
            )
            guard let (content, name) = made else { return nil }
            deltas.counters.sent.wrappingAdd(1, ordering: .relaxed)
            let tag = "\(narHash.digestText(.nix32)).\(base.narHash.digestText(.nix32))"
            let answer = NARAnswer(
                content: content,
                entityTag: "\(tag).\(name.coding.rawValue)",
                allowsRanges: false,
                tierName: target.tierName
            )
            return CodedNAR(answer: answer, coding: name.coding.rawValue)
        }
        return nil
    }

    private func localNAR(_ base: DeltaOffer.Base) async -> LocalNAR? {
        if let storeHash = base.storeHash { return await localNAR(storeHash, base.narHash) }
        guard let storeHash = await narHashes.find(base.narHash, in: self) else { return nil }
        return await localNAR(storeHash, base.narHash)
    }

    /// What the packed object of a NAR takes; `nil` where there is none.
    private func packedBytes(_ nar: LocalNAR) async -> UInt64? {
        guard let depot,
            let key = try? ObjectKey(
                storeHash: nar.storeHash,
                narHash: nar.narHash,
                form: .zstd
            )
        else { return nil }
        let info = try? await workers.run(deadline: configuration.lookupDeadline) {
            try depot.find(key)
        }
        return (info ?? nil)?.sizeBytes
    }

    /// The packed form of a NAR that was asked for as it is; `nil` where it would have to be made.
    fileprivate func keptPacked(_ request: NARRequest) async throws -> NARAnswer? {
        let packed = NARRequest(
            storeHash: request.storeHash,
            narHash: request.narHash,
            form: .zstd
        )
        if let known = knownNAR(packed) { return known }
        return try await kept(packed)
    }
}

extension LocalNAR {
    /// See ``LocalTierName``.
    fileprivate var tierName: String {
        switch place {
        case .store: LocalTierName.store
        case .depot: LocalTierName.depot
        }
    }
}

/// Paths of the store by the hashes of their NARs, for clients that know nothing else of a base.
///
/// Nix's database has to be read from end to end for each: one at a time, and remembered.
final class NARHashMemory: Sendable {
    private struct State {
        var known = Halves<NixHash, StorePathHash?>(maximumCount: 4_000)
        var changeCount: UInt64 = 0
        var isAsking = false
    }

    private static let deadline = Duration.seconds(1)
    private let state = Mutex(State())

    /// - Returns: `nil` also while somebody else is asking.
    func find(_ narHash: NixHash, in tier: StoreTier) async -> StorePathHash? {
        let changeCount = tier.store.changeCount
        let known = state.withLock { state -> StorePathHash?? in
            if let known = state.known.find(narHash) {
                // What was not there may be now.
                if known != nil || state.changeCount == changeCount { return .some(known) }
            }
            guard !state.isAsking else { return .some(nil) }
            state.isAsking = true
            return nil
        }
        if let known { return known }
        let found = try? await tier.store.findPathInfo(narHash: narHash, deadline: Self.deadline)
        state.withLock { state in
            state.isAsking = false
            state.changeCount = changeCount
            state.known.insert((found ?? nil)?.path.hash, for: narHash)
        }
        return (found ?? nil)?.path.hash
    }
}
