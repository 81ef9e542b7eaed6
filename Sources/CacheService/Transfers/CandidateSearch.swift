// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Upstream

/// Finds the tiers that have what a NAR's URL names.
struct CandidateSearch: Sendable {
    let request: NARRequest
    let tiers: [RemoteTier]

    /// Those that said so lately; none where all of them are in trouble, for others may not be.
    func remembered() -> [Candidate] {
        let found = tiers.compactMap { tier -> Candidate? in
            guard tier.isAvailable, let narInfo = tier.recall(request.storeHash)?.narInfo else {
                return nil
            }
            return candidate(tier, narInfo)
        }
        guard found.contains(where: { !$0.tier.hasNARTrouble }) else { return [] }
        return Self.inOrder(found)
    }

    /// Tiers whose last NAR came badly stand behind the others.
    private static func inOrder(_ found: [Candidate]) -> [Candidate] {
        let isTroubled = found.map(\.tier.hasNARTrouble)
        let sound = zip(found, isTroubled).filter { !$1 }.map(\.0)
        return sound + zip(found, isTroubled).filter(\.1).map(\.0)
    }

    /// Those that say so now; all are asked at once, and within the time that they are given.
    func asked() async -> [Candidate] {
        await withTaskGroup(of: (Int, Candidate?).self) { group in
            for (index, tier) in tiers.enumerated() {
                group.addTask {
                    guard case .found(let narInfo) = await tier.lookUp(request.storeHash) else {
                        return (index, nil)
                    }
                    return (index, candidate(tier, narInfo))
                }
            }
            var found: [(Int, Candidate)] = []
            for await (index, candidate) in group {
                if let candidate { found.append((index, candidate)) }
            }
            return Self.inOrder(found.sorted { $0.0 < $1.0 }.map(\.1))
        }
    }

    private func candidate(_ tier: RemoteTier, _ narInfo: NARInfo) -> Candidate? {
        if let narHash = request.narHash, narHash != narInfo.narHash { return nil }
        switch request.form {
        case .passed(let file):
            guard narInfo.fileHash == file.fileHash, narInfo.compression == file.compression else {
                return nil
            }
        case .identity, .zstd:
            guard narInfo.compression.canBeUnpacked, narInfo.narHash.algorithm == .sha256 else {
                return nil
            }
        }
        return Candidate(tier: tier, narInfo: narInfo)
    }
}
