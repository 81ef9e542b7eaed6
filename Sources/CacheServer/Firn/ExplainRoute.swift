// SPDX-License-Identifier: Apache-2.0
import CacheService
import FirnAPI
import NixFormat

extension CacheResponder {
    /// `api/v1/explain/HASH`: what `firn explain` shows.
    func explain(_ hash: StorePathHash, _ facts: RequestFacts) async throws -> Answer {
        let explanation = await cache.explain(hash)
        let answer = explanation.answer.flatMap { answer in
            (try? NARInfo(parsing: answer.text, storeDirectory: cache.storeDirectory)).map {
                (answer.tierName, $0)
            }
        }
        let report = ExplainReport(
            path: answer.map { "\($0.1.storePath)" } ?? "\(hash)",
            answer: answer.map { tierName, narInfo in
                ExplainReport.Answer(
                    tier: tierName,
                    url: narInfo.url,
                    compression: "\(narInfo.compression)",
                    narBytes: narInfo.narSizeBytes,
                    fileBytes: narInfo.fileSizeBytes
                )
            },
            summary: Self.summary(explanation),
            tiers: explanation.tiers.map(ExplainReport.Tier.init),
            delta: explanation.delta.map(ExplainReport.Delta.init)
        )
        return try json(report, facts)
    }

    private static func summary(_ explanation: Explanation) -> String {
        if let tierName = explanation.answer?.tierName {
            let skipped = explanation.tiers.prefix { $0.name != tierName }
                .filter { $0.outcome == .failed }.map(\.name)
            guard !skipped.isEmpty else { return "It comes from \(tierName)." }
            let names = skipped.joined(separator: ", ")
            return "It comes from \(tierName), since \(names) did not answer."
        }
        let failed = explanation.tiers.filter { $0.outcome == .failed }.map(\.name)
        guard failed.isEmpty else {
            let names = failed.joined(separator: ", ")
            return "Nobody who answers has it; \(names) did not answer."
        }
        return "No tier has it."
    }
}

extension ExplainReport.Delta {
    fileprivate init(_ tale: DeltaTale) {
        switch tale {
        case .used(let base, let deltaBytes, let ordinaryBytes):
            self.init(base: "\(base)", bytes: deltaBytes, ordinaryBytes: ordinaryBytes)
        case .ordinary(let reason): self.init(reason: reason)
        }
    }
}

extension ExplainReport.Tier {
    fileprivate init(_ tier: Explanation.Tier) {
        self.init(
            name: tier.name,
            note: tier.note,
            remembered: tier.remembered.map { outcome, age in
                ExplainReport.Memory(
                    outcome: .init(rawValue: outcome.rawValue),
                    age: Milliseconds(age)
                )
            },
            live: ExplainReport.Live(
                outcome: .init(rawValue: tier.outcome.rawValue),
                reason: tier.reason,
                took: Milliseconds(tier.took),
                url: tier.narInfo?.url,
                signedBy: tier.narInfo.map { $0.signatures.map(\.keyName) }
            )
        )
    }
}
