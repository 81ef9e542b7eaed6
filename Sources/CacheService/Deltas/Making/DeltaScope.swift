// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import NixFormat
import NixStore
import Synchronization

/// The NARs that a delta may be about: what everybody may have of this machine or, for who may read a
/// named cache, what is in that.
///
/// Nothing else is looked at, so that no answer tells what is in a cache that the asker may not read.
struct DeltaScope: Sendable {
    let store: StoreTier
    let named: NamedCaches?
    /// One that whoever asks may read; `nil` for the merged view.
    let cache: CacheName?

    /// A delta that is worth it, against the first of the bases that is here.
    func delta(
        _ storeHash: StorePathHash,
        _ narHash: NixHash,
        for offer: DeltaOffer
    ) async -> CodedNAR? {
        guard !offer.bases.isEmpty, let target = await target(storeHash, narHash) else {
            return nil
        }
        for base in offer.bases where base.narHash != narHash {
            guard let base = await self.base(base) else { continue }
            let made = await store.deltas.make(
                target,
                against: base,
                for: offer,
                insteadOf: await packedBytes(target) ?? target.sizeBytes
            )
            guard let (content, name) = made else { return nil }
            store.deltas.counters.sent.wrappingAdd(1, ordering: .relaxed)
            let tag = "\(narHash.digestText(.nix32)).\(base.narHash.digestText(.nix32))"
            let answer = NARAnswer(
                content: content,
                entityTag: "\(tag).\(name.coding.rawValue)",
                allowsRanges: false,
                tierName: cache.map { "\($0)" } ?? target.tierName
            )
            return CodedNAR(answer: answer, coding: name.coding.rawValue)
        }
        return nil
    }

    /// A URL beneath a cache's name is about what is in the cache alone.
    private func target(_ storeHash: StorePathHash, _ narHash: NixHash) async -> LocalNAR? {
        if let cache { return await named?.localNAR(storeHash, narHash, in: cache) }
        return await everybodys(storeHash, narHash)
    }

    private func base(_ base: DeltaOffer.Base) async -> LocalNAR? {
        guard let storeHash = base.storeHash else {
            guard let found = await store.narHashes.find(base.narHash, in: store) else {
                return nil
            }
            return await store.localNAR(found, base.narHash)
        }
        if let cache, let nar = await named?.localNAR(storeHash, base.narHash, in: cache) {
            return nar
        }
        return await everybodys(storeHash, base.narHash)
    }

    private func everybodys(_ storeHash: StorePathHash, _ narHash: NixHash) async -> LocalNAR? {
        if let nar = await store.localNAR(storeHash, narHash) { return nar }
        return await named?.publicLocalNAR(storeHash, narHash)
    }

    /// What the packed object of a NAR takes; `nil` where there is none.
    private func packedBytes(_ nar: LocalNAR) async -> UInt64? {
        if case .depot(let object) = nar.place, object.info.key.form == .zstd {
            return object.info.sizeBytes
        }
        guard let depot = store.depot,
            let key = try? ObjectKey(
                storeHash: nar.storeHash,
                narHash: nar.narHash,
                form: .zstd
            )
        else { return nil }
        let info = try? await store.workers.run(deadline: store.configuration.lookupDeadline) {
            try depot.find(key)
        }
        return (info ?? nil)?.sizeBytes
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
