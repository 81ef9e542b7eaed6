// SPDX-License-Identifier: Apache-2.0
import ClientSetup

/// What the list of caches makes of their state: who stalls, who is asked too early, who is silenced.
enum ListRule {
    /// Below this nobody notices which one is asked first.
    private static let noticeable = Duration.milliseconds(30)

    static func findings(_ evidence: Evidence) -> [Finding] {
        evidence.caches.compactMap { stall($0, evidence.nix) }
            + priority(evidence) + misses(evidence.misses)
    }

    private static func stall(_ cache: CacheFacts, _ nix: NixFacts) -> Finding? {
        guard NixRule.isListed(cache.url, nix) else { return nil }
        let wait: String
        switch cache.reach {
        case .answers: return Finding(.stall, of: cache.url, .pass, "answers, so that nobody waits")
        case .notAllowed: wait = "Nix gets nothing of it"
        case .notACache: wait = "Nix says that it does not appear to be a binary cache"
        case .refused, .noRoute, .noSuchName, .broken:
            wait = "every command of Nix waits some seconds for it"
        case .resolverSilent, .blackHole:
            wait = "every command of Nix waits \(connectWait(nix)) for it"
        case .silent: wait = "every command of Nix waits \(silentWait(nix)) for it"
        }
        return Finding(
            .stall,
            of: cache.url,
            .fail,
            "is in the list, and \(cache.reach.words(cache.hasLogin)): \(wait)"
                + (failsBuilds(nix) ? ", and a build may fail" : ""),
            remedy:
                "firn use --remove \(cache.url), or take it out of substituters; firn use --agent"
                + " never waits"
        )
    }

    /// Before 2.32 what one cache does not answer is no question to the next one.
    private static func failsBuilds(_ nix: NixFacts) -> Bool {
        nix.version.map { $0 < NixVersion(major: 2, minor: 32) } ?? false
    }

    /// libcurl gives up after five minutes where Nix does not say when.
    private static func connectWait(_ nix: NixFacts) -> String {
        let timeout = nix.number("connect-timeout") ?? 0
        return time((timeout == 0 ? 300 : timeout) * attempts(nix))
    }

    private static func silentWait(_ nix: NixFacts) -> String {
        time((nix.number("stalled-download-timeout") ?? 300) * attempts(nix))
    }

    private static func attempts(_ nix: NixFacts) -> Int {
        max(1, nix.number("filetransfer-retry-attempts", "download-attempts") ?? 5)
    }

    private static func time(_ seconds: Int) -> String { Quantity.time(.seconds(seconds)) }

    /// The first in Nix's order that is far slower than one behind it.
    private static func priority(_ evidence: Evidence) -> [Finding] {
        let listed = evidence.nix.substituters.compactMap { entry in
            evidence.caches.first { ClientSettings.isSame($0.url, entry) && $0.reach == .answers }
        }
        let order = listed.enumerated()
            .sorted {
                ($0.element.effectivePriority, $0.offset) < (
                    $1.element.effectivePriority, $1.offset
                )
            }
            .map(\.element)
        guard order.count > 1 else {
            return [Finding(.priority, .skip, "fewer than two caches answer")]
        }
        for (place, cache) in order.enumerated() {
            guard let slow = cache.latency else { continue }
            for faster in order[(place + 1)...] {
                guard let fast = faster.latency, slow > fast * 3, slow - fast > noticeable else {
                    continue
                }
                return [slowFirst(cache, slow, faster, fast)]
            }
        }
        let names = order.map { "\($0.url) (\($0.effectivePriority))" }.joined(separator: ", ")
        return [Finding(.priority, .pass, "asked in this order: \(names)")]
    }

    private static func slowFirst(
        _ cache: CacheFacts,
        _ slow: Duration,
        _ faster: CacheFacts,
        _ fast: Duration
    ) -> Finding {
        let silent = cache.listedPriority == nil && cache.priority == nil
        let number =
            silent ? "no priority, which counts as 0" : "priority \(cache.effectivePriority)"
        return Finding(
            .priority,
            of: cache.url,
            .warn,
            "is asked first (\(number)) and takes \(Quantity.time(slow)), where \(faster.url)"
                + " (\(faster.effectivePriority)) takes \(Quantity.time(fast))",
            remedy: "\(cache.url)?priority=\(faster.effectivePriority + 1) in substituters"
        )
    }

    private static func misses(_ facts: [MissFacts]) -> [Finding] {
        guard !facts.isEmpty else {
            return [Finding(.remembered, .skip, "Nix remembers no miss of these caches")]
        }
        return facts.map { fact in
            guard let first = fact.stale.first else {
                return Finding(
                    .remembered,
                    of: fact.cache,
                    .pass,
                    "\(fact.asked) asked again, all of them still misses"
                )
            }
            let count = fact.stale.count
            return Finding(
                .remembered,
                of: fact.cache,
                .warn,
                "Nix believes for up to an hour that it lacks \(first.hashPart)"
                    + (count > 1 ? " and \(count - 1) more" : "") + ", and it has "
                    + (count > 1 ? "them" : "it"),
                remedy:
                    "firn doctor --fix; or --option narinfo-cache-negative-ttl 0 with the command",
                fix: .forgetMisses(fact.stale)
            )
        }
    }
}
