// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Upstream

/// Finds the tiers that have what a NAR's URL names.
struct CandidateSearch: Sendable {
    let request: NARRequest
    let tiers: [RemoteTier]

    /// Those that said so lately.
    func remembered() -> [Candidate] {
        tiers.compactMap { tier in
            guard tier.isAvailable, let narInfo = tier.recall(request.storeHash)?.narInfo else {
                return nil
            }
            return candidate(tier, narInfo)
        }
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
            return found.sorted { $0.0 < $1.0 }.map(\.1)
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
