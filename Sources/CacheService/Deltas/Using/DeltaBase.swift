// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat
import NixStore

/// A NAR of this machine that another one may be made of.
struct DeltaBase: Sendable {
    enum Place: Sendable {
        case store(PathInfo)
        case depot(ObjectKey)
    }

    let path: StorePath
    let narHash: NixHash
    let narSizeBytes: UInt64
    let place: Place
}

extension TieredCache {
    /// The first few that are still there and whole; of a path that store and depot have, the
    /// store's, which needs no unpacking.
    ///
    /// `patience`: How long to wait for store and depot to say so, all together.
    func valid(
        _ candidates: [IndexedPath],
        atMost maximumCount: Int,
        within patience: Duration
    ) async -> [DeltaBase] {
        let deadline = ContinuousClock.now + patience
        var valid: [DeltaBase] = []
        for candidate in candidates.prefix(maximumCount * 2) where valid.count < maximumCount {
            let left = min(deadline - .now, Self.lookUpDeadline)
            guard left > .zero else { break }
            guard !valid.contains(where: { $0.path == candidate.path }),
                let base = await self.valid(candidate, within: left),
                base.narSizeBytes <= DeltaMaker.maximumNARBytes
            else { continue }
            valid.append(base)
        }
        return valid
    }

    private static let lookUpDeadline = Duration.seconds(1)

    private func valid(_ candidate: IndexedPath, within patience: Duration) async -> DeltaBase? {
        do {
            switch candidate.place {
            case .store: return try await validInStore(candidate, within: patience)
            case .depot(let key): return try await validInDepot(candidate, key, within: patience)
            }
        } catch {
            // Nobody knows: another one will do.
            return nil
        }
    }

    private func validInStore(
        _ candidate: IndexedPath,
        within patience: Duration
    ) async throws -> DeltaBase? {
        let found = try await store.store.findPathInfo(candidate.path.hash, deadline: patience)
        guard let info = found else {
            bases.forget(candidate)
            return nil
        }
        guard info.narHash.algorithm == .sha256, !store.store.isMarkedBad(info) else { return nil }
        return DeltaBase(
            path: info.path,
            narHash: info.narHash,
            narSizeBytes: info.narSizeBytes,
            place: .store(info)
        )
    }

    private func validInDepot(
        _ candidate: IndexedPath,
        _ key: ObjectKey,
        within patience: Duration
    ) async throws -> DeltaBase? {
        guard let depot = store.depot else { return nil }
        let found = try await store.workers.run(deadline: patience) {
            try depot.find(key)
        }
        guard found != nil else {
            bases.forget(candidate)
            return nil
        }
        return DeltaBase(
            path: candidate.path,
            narHash: key.narHash,
            narSizeBytes: candidate.narSizeBytes,
            place: .depot(key)
        )
    }

    /// The bytes of a base.
    ///
    /// - Returns: `nil` when it is not there any more. What is returned does not go while it is held.
    func open(_ base: DeltaBase) async -> LocalNAR? {
        switch base.place {
        case .store(let info): return LocalNAR(info, in: store.store)
        case .depot(let key):
            guard let object = (try? await store.open(key)) ?? nil else { return nil }
            let nar = try? await store.workers.run(deadline: Self.lookUpDeadline) {
                try LocalNAR(object)
            }
            // Stretches of it are named by their places in it.
            return nar?.sizeBytes == base.narSizeBytes ? nar : nil
        }
    }
}
