// SPDX-License-Identifier: Apache-2.0

/// Whether the caches are where they are said to be.
enum AddressRule {
    static func findings(_ evidence: Evidence) -> [Finding] {
        [names(evidence.caches)]
            + evidence.caches.flatMap { address($0, evidence) }
    }

    private static func names(_ caches: [CacheFacts]) -> Finding {
        let silent = caches.compactMap { cache -> String? in
            guard case .resolverSilent(let reason) = cache.reach else { return nil }
            return "\(cache.url): \(reason)"
        }
        if let first = silent.first {
            return Finding(
                .dns,
                .fail,
                "names are not resolved: \(first)",
                remedy: "resolvectl status, or the nameserver lines of /etc/resolv.conf"
            )
        }
        let all = caches.filter { !$0.isNumeric }
        let named = all.filter { $0.reach != .noSuchName }
        if named.isEmpty, !all.isEmpty {
            return Finding(
                .dns,
                .warn,
                "the resolver answers, and knows none of \(all.map(\.host).joined(separator: ", "))",
                remedy: "resolvectl status; ip route, without which it cannot ask others"
            )
        }
        return named.isEmpty
            ? Finding(.dns, .skip, "no cache is reached by a name")
            : Finding(
                .dns,
                .pass,
                "\(named.count == 1 ? "one name" : "\(named.count) names") resolved"
            )
    }

    private static func address(_ cache: CacheFacts, _ evidence: Evidence) -> [Finding] {
        let verdict: Finding.Verdict
        switch cache.role {
        case .wanted: verdict = .fail
        // Another address of it may do, and the daemon does without it otherwise.
        case .tier(let name):
            let others = evidence.caches.contains { $0.role == .tier(name) && $0.reach == .answers }
            verdict = others || !cache.isMistaken ? .warn : .fail
        // What is wrong with the daemon itself is told there, and with a listed cache as a stall.
        case .own: return []
        case .listed:
            guard cache.reach == .answers else { return [] }
            verdict = .pass
        }
        if case .answers = cache.reach {
            let latency = cache.latency.map { " in \(Quantity.time($0))" } ?? ""
            if let theirs = cache.storeDirectory, theirs != "/nix/store" {
                return [
                    Finding(
                        .address,
                        of: cache.url,
                        verdict == .pass ? .fail : verdict,
                        "is a cache for \(theirs), which a store in /nix/store cannot use"
                    )
                ]
            }
            return [Finding(.address, of: cache.url, .pass, "answers\(latency)")]
        }
        return [
            Finding(
                .address,
                of: cache.url,
                verdict,
                cache.reach.words(cache.hasLogin),
                remedy: remedy(cache, evidence)
            )
        ]
    }

    /// The host that is a tier's, where it may be asleep and can be woken.
    private static func sleeper(_ cache: CacheFacts, _ evidence: Evidence) -> String? {
        guard case .tier(let name) = cache.role else { return nil }
        switch cache.reach {
        case .noRoute, .blackHole: return evidence.wakeable[name]
        case .answers, .noSuchName, .resolverSilent, .refused, .silent, .broken, .notAllowed,
            .notACache:
            return nil
        }
    }

    private static func remedy(_ cache: CacheFacts, _ evidence: Evidence) -> String? {
        if let host = sleeper(cache, evidence) { return "firn wake \(host), if it is asleep" }
        return switch cache.reach {
        case .answers: nil
        case .noSuchName: "the right name, firn use URL, and firn use --remove \(cache.url)"
        case .resolverSilent: "resolvectl query \(cache.host)"
        case .noRoute: "ip route get \(cache.host); tailscale status"
        case .refused: "there: systemctl status firn; here: the right port in the URL"
        case .blackHole: "there: sudo firn doctor, which looks at its firewall; ping \(cache.host)"
        case .silent, .broken: "there: journalctl --unit firn --lines 50"
        case .notAllowed: "firn use \(cache.url) --token-file FILE"
        case .notACache: "the right address: curl \(cache.url)/nix-cache-info shows StoreDir at one"
        }
    }
}

extension CacheFacts.Reach {
    /// What came of it, to follow the cache's address.
    func words(_ hasLogin: Bool) -> String {
        switch self {
        case .answers: "answers"
        case .noSuchName: "there is no host of this name"
        case .resolverSilent(let reason): "its name is not resolved: \(reason)"
        case .noRoute(let reason): "there is no way there: \(reason)"
        case .refused: "the host is there, and nobody listens on this port"
        case .blackHole:
            "no answer to the attempt to connect: a firewall drops it, or the host is off or asleep"
        case .silent: "takes the connection and says nothing"
        case .broken(let reason): reason
        case .notAllowed:
            hasLogin
                ? "does not take the token of the netrc file" : "is private, and no token is set up"
        case .notACache(let reason): "what answers there is no binary cache: \(reason)"
        }
    }
}

extension CacheFacts {
    /// Whether the address itself is wrong, rather than the way to it.
    var isMistaken: Bool {
        switch reach {
        case .noSuchName, .notACache: true
        case .answers, .resolverSilent, .noRoute, .refused, .blackHole, .silent, .broken,
            .notAllowed:
            false
        }
    }

    private var place: TierURL? { try? TierURL(parsing: url) }

    var host: String { place?.host ?? url }

    var isNumeric: Bool { IPAddress(parsing: host) != nil }

    var isOnThisMachine: Bool { place?.isLoopback == true }
}
