// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Upstream

/// Finds the tiers that have what a NAR's URL names.
struct CandidateSearch: Sendable {
    let request: NARRequest
    let tiers: [RemoteTier]

    /// So long a tier is waited for when another one has said that it has the NAR.
    private static let patience = Duration.milliseconds(300)

    /// Those that said so lately; none where all of them are in trouble, for others may not be.
    func remembered() -> [Candidate] {
        let found = tiers.compactMap { tier -> Candidate? in
            guard tier.isAvailable, let narInfo = tier.recall(request.storeHash)?.narInfo else {
                return nil
            }
            return candidate(tier, narInfo).flatMap { fits($0) ? $0 : nil }
        }
        guard found.contains(where: { !$0.tier.narTrouble.isPresent() }) else { return [] }
        return found.inOrder
    }

    /// Those that say so now; all are asked at once, and within the time that they are given.
    func asked() async -> [Candidate] { await askedForAny().filter(fits) }

    /// The same, and those that have the NAR in another form.
    func askedForAny() async -> [Candidate] {
        await withTaskGroup(of: (Int, Candidate?)?.self) { group in
            for (index, tier) in tiers.enumerated() {
                group.addTask { (index, await ask(tier)) }
            }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                return nil
            }
            defer { group.cancelAll() }
            var found: [(Int, Candidate)] = []
            var answers = 0
            var isImpatient = false
            for await answer in group {
                if let (index, candidate) = answer {
                    answers += 1
                    if let candidate { found.append((index, candidate)) }
                } else {
                    isImpatient = true
                }
                let isEnough = found.contains { fits($0.1) && !$0.1.tier.narTrouble.isPresent() }
                if answers == tiers.count || (isImpatient && isEnough) { break }
            }
            return found.sorted { $0.0 < $1.0 }.map(\.1).inOrder
        }
    }

    /// What one tier says now.
    ///
    /// - Returns: `nil` unless it has this very NAR, in whatever form can be of use.
    func ask(_ tier: RemoteTier) async -> Candidate? {
        guard case .found(let narInfo) = await tier.lookUp(request.storeHash) else { return nil }
        return candidate(tier, narInfo)
    }

    /// Whether what the URL names can be had of it without packing the NAR again.
    func fits(_ candidate: Candidate) -> Bool {
        switch request.form {
        case .passed(let file):
            candidate.narInfo.fileHash == file.fileHash
                && candidate.narInfo.compression == file.compression
        case .identity, .zstd: candidate.narInfo.canBeUnpacked
        }
    }

    private func candidate(_ tier: RemoteTier, _ narInfo: NARInfo) -> Candidate? {
        if let narHash = request.narHash, narHash != narInfo.narHash { return nil }
        let candidate = Candidate(tier: tier, narInfo: narInfo)
        return fits(candidate) || narInfo.canBeUnpacked ? candidate : nil
    }
}

extension [Candidate] {
    /// Tiers whose last NAR came badly stand behind the others.
    var inOrder: [Candidate] { troubledLast { $0.tier } }
}

extension NARInfo {
    /// Whether the NAR can be got out of its file here, and be verified.
    var canBeUnpacked: Bool { compression.canBeUnpacked && narHash.algorithm == .sha256 }
}
