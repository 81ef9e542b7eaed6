// SPDX-License-Identifier: Apache-2.0

/// Who one is to a cache, and how much it may take.
enum AccountRules {
    static func findings(_ evidence: Evidence) -> [Finding] {
        cachix(evidence.cachix) + quotas(evidence.quotas)
    }

    private static func cachix(_ facts: [CachixFacts]) -> [Finding] {
        guard !facts.isEmpty else { return [Finding(.cachix, .skip, "no cache at Cachix is used")] }
        return facts.map { fact in
            let subject = "cachix:\(fact.name)"
            switch fact.answer {
            case .known:
                let who =
                    fact.tokenSource.map { "takes the token of \($0)" } ?? "can be read by all"
                return Finding(
                    .cachix,
                    of: subject,
                    .pass,
                    "\(who); Cachix tells no one how full it is: see app.cachix.org"
                )
            case .refused(let reason):
                let token = fact.tokenSource.map { "the token of \($0) is not taken" }
                return Finding(
                    .cachix,
                    of: subject,
                    .fail,
                    "\(token ?? "needs a token"): \(reason)",
                    remedy:
                        "a new token of app.cachix.org in CACHIX_AUTH_TOKEN; firn use \(subject)"
                )
            case .unreachable(let reason):
                return Finding(.cachix, of: subject, .warn, "could not be asked: \(reason)")
            }
        }
    }

    private static func quotas(_ facts: [QuotaFacts]?) -> [Finding] {
        guard let facts else {
            return [Finding(.quota, .skip, "no daemon here that tells this user of its caches")]
        }
        let limited = facts.compactMap { fact in fact.quotaBytes.map { (fact, $0) } }
        guard !limited.isEmpty else { return [Finding(.quota, .skip, "no cache here has a quota")] }
        return limited.map { fact, quota in
            let share = Quantity.percent(fact.sizeBytes, of: quota) ?? "all"
            let use = "\(Quantity.bytes(fact.sizeBytes)) of \(Quantity.bytes(quota)) (\(share))"
            let isFull = fact.sizeBytes / 9 >= quota / 10
            return Finding(
                .quota,
                of: fact.name,
                isFull ? .warn : .pass,
                isFull ? "nearly full: \(use)" : use,
                remedy: isFull ? "firn cache configure \(fact.name) --quota SIZE; firn gc" : nil
            )
        }
    }
}
