// SPDX-License-Identifier: Apache-2.0
import Depot
import Logging
package import NixFormat
import NixStore
import Synchronization
import Upstream

extension TieredCache {
    /// The narinfo, if it is in memory; never waits.
    package func knownNARInfo(_ hash: StorePathHash) -> NARInfoAnswer? {
        store.knownNARInfo(hash) ?? answers.recall(hash, keysVersion: store.keys.version)
    }

    /// The narinfo of the path with this hash, from the first tier that has it.
    ///
    /// - Returns: `nil` when no tier has it, or none that has it answers in time: to a client a tier
    ///   that is silent is one without the path.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when this machine's own store does not answer
    ///   and no other tier has the path.
    package func resolveNARInfo(_ hash: StorePathHash) async throws -> NARInfoAnswer? {
        var storeFailure: (any Error)?
        do {
            if let local = try await store.resolveNARInfo(hash) { return local }
        } catch {
            storeFailure = error
        }
        if let known = answers.recall(hash, keysVersion: store.keys.version) { return known }
        let kept = await keptNARInfo(hash)
        if let kept, kept.isVouchedFor { return kept.answer }
        if !tiers.isEmpty, let found = await find(hash) { return found }
        if let kept { return kept.answer }
        // Last: what is pushed must not stand in front of what others have.
        if let pushed = try await named?.publicNARInfo(hash) { return pushed }
        if let storeFailure { throw storeFailure }
        return nil
    }

    /// What another cache has, as it is passed on.
    func find(
        _ hash: StorePathHash,
        _ limits: TierRace.Limits = TierRace.Limits()
    ) async -> NARInfoAnswer? {
        let result = await TierRace(tiers: tiers, limits: limits).run(hash)
        guard let (tier, narInfo) = result.found else {
            misses.wrappingAdd(1, ordering: .relaxed)
            return nil
        }
        tier.counters.hits.wrappingAdd(1, ordering: .relaxed)
        let keysVersion = store.keys.version
        guard let passed = await passedOn(narInfo, from: tier) else {
            logger.info(
                "a form that cannot be passed on",
                metadata: ["path": "\(narInfo.storePath)", "tier": "\(tier.name)"]
            )
            return nil
        }
        let answer = NARInfoAnswer(passed, in: storeDirectory, from: tier.name)
        answers.remember(answer, for: hash, keysVersion: keysVersion)
        return answer
    }

    /// Another cache's narinfo with a URL of ours; its signatures stay, ours come behind.
    ///
    /// - Returns: `nil` when its file can neither be named for good nor be unpacked.
    @concurrent
    private func passedOn(_ narInfo: NARInfo, from tier: RemoteTier) async -> NARInfo? {
        var passed = narInfo
        let form: NARRequest.Form
        let isDelta = await comesAsDelta(narInfo, from: tier)
        if !isDelta, let fileHash = narInfo.fileHash, narInfo.fileSizeBytes != nil,
            let file = PassedFile(fileHash: fileHash, compression: narInfo.compression)
        {
            form = .passed(file)
        } else {
            guard narInfo.compression.canBeUnpacked, narInfo.narHash.algorithm == .sha256 else {
                return nil
            }
            form = .identity
            passed.compression = .none
            passed.fileHash = narInfo.narHash
            passed.fileSizeBytes = narInfo.narSizeBytes
        }
        let request = NARRequest(
            storeHash: narInfo.storePath.hash,
            narHash: narInfo.narHash,
            form: form
        )
        passed.url = "nar/\(request.fileName)"
        return signed(passed, from: tier)
    }

    /// Whether the NAR is to be made here: then it is offered as it is, for that is what is made.
    private func comesAsDelta(_ narInfo: NARInfo, from tier: RemoteTier) async -> Bool {
        guard tier.reasonAgainstDeltas(of: narInfo) == nil else { return false }
        let decision = await decideOnDelta(
            narInfo,
            from: tier,
            within: Self.indexPatience,
            measuring: false
        )
        switch decision {
        case .use(let plan):
            tier.deltas.ahead.noteOffer(narInfo, plan)
            tier.deltas.link.noteOffer(narInfo)
            return true
        case .ordinary(let reason):
            tier.deltas.noteOrdinary(narInfo.storePath.hash, reason)
            return false
        }
    }

    /// Below the budget of a lookup by what the tiers take.
    private static let indexPatience = Duration.milliseconds(300)

    /// With our signatures behind the tier's own, unless nobody vouches for them.
    func signed(_ narInfo: NARInfo, from tier: RemoteTier) -> NARInfo {
        var signed = narInfo
        signed.unknownFields = []
        if tier.configuration.isTrusted {
            signed.signatures = store.keys.adding(
                to: narInfo.signatures,
                fingerprint: narInfo.fingerprint(in: storeDirectory)
            )
        }
        return signed
    }
}

/// Narinfos of other tiers as they are passed on, for a short while.
final class RemoteAnswers: Sendable {
    private struct Kept {
        let answer: NARInfoAnswer
        let keysVersion: UInt64
        let until: ContinuousClock.Instant
    }

    /// So long nobody looks whether a nearer tier has got the path meanwhile.
    private static let lifetime = Duration.seconds(60)
    private static let maximumCount = 4_000

    private let answers = Mutex(Halves<StorePathHash, Kept>(maximumCount: maximumCount))

    func recall(_ hash: StorePathHash, keysVersion: UInt64) -> NARInfoAnswer? {
        guard let kept = answers.withLock({ $0.find(hash) }), kept.keysVersion == keysVersion,
            kept.until > .now
        else { return nil }
        return kept.answer
    }

    func remember(_ answer: NARInfoAnswer, for hash: StorePathHash, keysVersion: UInt64) {
        let kept = Kept(answer: answer, keysVersion: keysVersion, until: .now + Self.lifetime)
        answers.withLock { $0.insert(kept, for: hash) }
    }

    func forget(_ hash: StorePathHash) { answers.withLock { $0.remove(hash) } }

    func forgetAll() { answers.withLock { $0 = Halves(maximumCount: Self.maximumCount) } }
}
