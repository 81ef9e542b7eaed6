// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Upstream

/// What a NAR is to be made of.
struct DeltaPlan: Sendable {
    /// What this machine has, the best first.
    let bases: [DeltaBase]
    /// Whether the best is of the same version.
    let isRebuild: Bool
}

extension TieredCache {
    /// A file smaller than this is hardly larger than what asks for it.
    private static let leastFileBytes: UInt64 = 512
    private static let mostBases = 3
    private static let withoutBase = "nothing that is here is another version of it"

    enum DeltaDecision: Sendable {
        case use(DeltaPlan)
        case ordinary(String)
    }

    /// Whether a NAR is to come as a delta, and of what.
    ///
    /// - Parameters:
    ///   - narInfo: As the tier gave it.
    ///   - tier: Where it comes from.
    ///   - patience: How long to wait for the index of what is here, and for store and depot to say
    ///     that it still is.
    ///   - measuring: Whether the link may be measured, which moves bytes of NARs.
    /// - Returns: The plan, or why there is none.
    func decideOnDelta(
        _ narInfo: NARInfo,
        from tier: RemoteTier,
        within patience: Duration,
        measuring: Bool
    ) async -> DeltaDecision {
        if let reason = tier.reasonAgainstDeltas(of: narInfo) { return .ordinary(reason) }
        guard (narInfo.fileSizeBytes ?? narInfo.narSizeBytes) >= Self.leastFileBytes else {
            return .ordinary("it is too small for a delta to save anything")
        }
        let candidates = await bases.candidates(
            for: narInfo.storePath,
            narSizeBytes: narInfo.narSizeBytes,
            within: patience
        )
        guard let first = candidates.first else {
            return .ordinary(Self.withoutBase)
        }
        let name = PackageName(narInfo.storePath.name)
        let isRebuild = PackageName(first.path.name).version == name.version
        if tier.configuration.delta == .auto {
            var verdict = DeltaPolicy.decide(facts(narInfo, tier, isRebuild: isRebuild))
            if verdict == .unmeasured, measuring {
                await tier.deltas.link.measure(narInfo, of: tier)
                verdict = DeltaPolicy.decide(facts(narInfo, tier, isRebuild: isRebuild))
            }
            if case .ordinary(let reason) = verdict { return .ordinary(reason) }
        }
        let valid = await valid(candidates, atMost: Self.mostBases, within: patience)
        guard !valid.isEmpty else {
            return .ordinary(Self.withoutBase)
        }
        return .use(DeltaPlan(bases: valid, isRebuild: isRebuild))
    }

    private func facts(
        _ narInfo: NARInfo,
        _ tier: RemoteTier,
        isRebuild: Bool
    ) -> DeltaPolicy.Case {
        DeltaPolicy.Case(
            fileBytes: narInfo.fileSizeBytes ?? narInfo.narSizeBytes,
            narBytes: narInfo.narSizeBytes,
            isRebuild: isRebuild,
            linkBytesPerSecond: tier.cache.linkBytesPerSecond,
            latency: tier.cache.slowLatency,
            wait: wait(narInfo, tier),
            cost: tier.deltas.cost(ofRebuild: isRebuild),
            isOnBattery: powerSupply.isOnBattery
        )
    }
}

extension TieredCache {
    /// Who fetches one NAR after the other waits for each; who fetches many at once shares the wait.
    private func wait(_ narInfo: NARInfo, _ tier: RemoteTier) -> Duration {
        guard tier.deltas.ahead.asksTogether(narInfo), let latency = tier.cache.latency else {
            return .zero
        }
        return latency / max(1, tier.deltas.wantedAtOnce.value)
    }
}

extension RemoteTier {
    /// So many times smaller NARs are when they are packed, as far as they are worth a delta.
    private static let usualPacking = 3.0

    /// How many bytes of NARs in a second are enough, since the link brings no more in the ordinary
    /// form: what is made at this pace may become smaller in return.
    ///
    /// Who wants deltas whatever they cost wants small ones; `nil` as long as nobody knows.
    var deltaPace: UInt64? {
        switch configuration.delta {
        case .always: 1
        case .auto: cache.linkBytesPerSecond.map { UInt64($0 * Self.usualPacking) }
        case .never: nil
        }
    }

    /// Why this tier is not asked for a delta of a NAR, whatever there is here; `nil` when it may be.
    func reasonAgainstDeltas(of narInfo: NARInfo) -> String? {
        if configuration.delta == .never { return "deltas are switched off for this tier" }
        guard cache.servesDeltas else { return "the tier makes no deltas" }
        // What it passes on from elsewhere it would have to fetch first.
        let stem = "\(narInfo.storePath.hash)-\(narInfo.narHash.digestText(.nix32)).nar"
        guard ["nar/\(stem)", "nar/\(stem).zst"].contains(narInfo.url) else {
            return "the tier passes on another cache's file"
        }
        guard narInfo.narHash.algorithm == .sha256,
            narInfo.narSizeBytes <= DeltaMaker.maximumNARBytes
        else { return "it is too large" }
        return deltas.isResting ? "the last deltas of the tier were of no use" : nil
    }
}
