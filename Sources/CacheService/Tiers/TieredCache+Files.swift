// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import Upstream

extension TieredCache {
    /// The files of a path, from the first tier that lists them.
    package func resolveListing(_ hash: StorePathHash) async throws -> ListingAnswer? {
        if let local = try await store.resolveListing(hash) { return local }
        return await remoteFile(.listing(hash)) { bytes, tier in
            ListingAnswer(text: bytes, from: tier.name)
        }
    }

    /// A build log, from the first tier that has it.
    package func resolveLog(_ path: StorePath) async throws -> LogAnswer? {
        if let local = try await store.resolveLog(path) { return local }
        return await remoteFile(.log(path)) { bytes, tier in
            LogAnswer(content: .bytes(bytes), allowsRanges: true, tierName: tier.name)
        }
    }

    /// Where a content-addressed output was built to, in the scheme of Nix up to 2.34.
    package func resolveRealisation(_ id: DerivationOutputID) async throws -> RealisationAnswer? {
        if let local = try await store.resolveRealisation(id) { return local }
        return await remoteFile(.realisation(id)) { bytes, tier in
            guard let found = try? Realisation(parsing: bytes), found.id == id,
                tier.vouches(for: found.fingerprint, by: found.signatures)
            else { return nil }
            return RealisationAnswer(text: bytes, from: tier.name)
        }
    }

    /// Where a content-addressed output was built to, in the scheme of Nix 2.35 and later.
    package func resolveBuildTrace(
        _ derivation: StorePath,
        output: String
    ) async throws -> RealisationAnswer? {
        let local = try await store.resolveBuildTrace(derivation, output: output)
        if let local { return local }
        return await remoteFile(.buildTrace(derivation, output: output)) { bytes, tier in
            let found = try? BuildTraceEntry(
                parsing: bytes,
                derivation: derivation,
                outputName: output
            )
            guard let found, tier.vouches(for: found.fingerprint, by: found.signatures) else {
                return nil
            }
            return RealisationAnswer(text: bytes, from: tier.name)
        }
    }

    /// The first tier's file that passes, within the budget of a lookup.
    private func remoteFile<Value: Sendable>(
        _ file: CacheFile,
        _ read: @escaping @Sendable ([UInt8], RemoteTier) -> Value?
    ) async -> Value? {
        guard !tiers.isEmpty else { return nil }
        return await withTaskGroup(of: Value?.self) { group in
            group.addTask {
                try? await Task.sleep(for: TierRace.Limits().budget)
                return nil
            }
            group.addTask { [self] in
                for tier in tiers where tier.isAvailable {
                    guard case .found(let bytes) = await tier.cache.fetch(file) else { continue }
                    if let value = read(bytes, tier) { return value }
                }
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}

extension RemoteTier {
    /// Whether one of the tier's keys signed this.
    func vouches(for fingerprint: [UInt8], by signatures: [Signature]) -> Bool {
        guard configuration.isTrusted else { return true }
        return signatures.contains { signature in
            configuration.publicKeys.contains { $0.verifies(signature, of: fingerprint) }
        }
    }
}
