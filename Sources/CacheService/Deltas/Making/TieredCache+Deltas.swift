// SPDX-License-Identifier: Apache-2.0
package import Caches
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
        if let narHash = request.deltaHash {
            if let delta = await scope().delta(request.storeHash, narHash, for: offer) {
                return delta
            }
            if offer.readsZstd, let packed = try await keptPacked(request) {
                return CodedNAR(answer: packed, coding: "zstd")
            }
        }
        return try await resolveNAR(request).map { CodedNAR(answer: $0, coding: nil) }
    }

    /// The same of what is in a named cache.
    ///
    /// - Throws: ``CacheError/notFound`` for a cache that this visitor may not read.
    package func resolveNAR(
        _ request: NARRequest,
        in name: CacheName,
        by visitor: Visitor,
        for offer: DeltaOffer
    ) async throws -> CodedNAR? {
        guard let named else { throw CacheError.notFound }
        try await named.requireReadable(name, to: visitor)
        if let narHash = request.deltaHash {
            let delta = await scope(in: name).delta(request.storeHash, narHash, for: offer)
            if let delta { return delta }
            if offer.readsZstd,
                let packed = try await named.resolveNAR(request.packed, in: name, for: visitor)
            {
                return CodedNAR(answer: packed, coding: "zstd")
            }
        }
        return try await named.resolveNAR(request, in: name, for: visitor)
            .map { CodedNAR(answer: $0, coding: nil) }
    }

    /// Deltas of many NARs in one answer.
    ///
    /// `pace`: As in ``DeltaOffer``.
    package func deltas(
        _ wishes: [DeltaWish],
        upTo maximumDeltaBytes: Int,
        at pace: UInt64?
    ) -> Content {
        deltas(wishes, upTo: maximumDeltaBytes, at: pace, of: scope())
    }

    /// The same of what is in a named cache.
    ///
    /// - Throws: ``CacheError/notFound`` for a cache that this visitor may not read.
    package func deltas(
        _ wishes: [DeltaWish],
        upTo maximumDeltaBytes: Int,
        at pace: UInt64?,
        in name: CacheName,
        by visitor: Visitor
    ) async throws -> Content {
        guard let named else { throw CacheError.notFound }
        try await named.requireReadable(name, to: visitor)
        return deltas(wishes, upTo: maximumDeltaBytes, at: pace, of: scope(in: name))
    }

    private func deltas(
        _ wishes: [DeltaWish],
        upTo maximumDeltaBytes: Int,
        at pace: UInt64?,
        of scope: DeltaScope
    ) -> Content {
        .source(sizeBytes: nil) { _ in
            DeltaBatch(wishes, upTo: maximumDeltaBytes, at: pace, of: scope)
        }
    }

    private func scope(in cache: CacheName? = nil) -> DeltaScope {
        DeltaScope(store: store, named: named, cache: cache)
    }

    /// The packed form of a NAR that was asked for as it is; `nil` where it would have to be made.
    private func keptPacked(_ request: NARRequest) async throws -> NARAnswer? {
        if let known = store.knownNAR(request.packed) { return known }
        if let kept = try await store.kept(request.packed) { return kept }
        return try await named?.publicNAR(request.packed)
    }
}

extension NARRequest {
    /// The NAR that is asked for, if it may come as a delta.
    fileprivate var deltaHash: NixHash? { form == .identity ? narHash : nil }

    fileprivate var packed: NARRequest {
        NARRequest(storeHash: storeHash, narHash: narHash, form: .zstd)
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
