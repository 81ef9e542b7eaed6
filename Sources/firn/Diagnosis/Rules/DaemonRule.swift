// SPDX-License-Identifier: Apache-2.0

/// Whether this machine's daemon runs, and what it says of itself.
enum DaemonRule {
    static func findings(_ evidence: Evidence) -> [Finding] {
        [configuration(evidence.configuration)] + daemon(evidence)
            + tiers(evidence) + firewall(evidence)
    }

    private static func configuration(_ facts: ConfigurationFacts) -> Finding {
        switch facts {
        case .nothing: Finding(.configuration, .skip, "no firn.toml on this machine")
        case .valid(let file, let warnings):
            warnings.isEmpty
                ? Finding(.configuration, of: file, .pass, "valid")
                : Finding(
                    .configuration,
                    of: file,
                    .warn,
                    warnings.joined(separator: "; "),
                    remedy: "firn serve --check"
                )
        case .invalid(let reason):
            Finding(.configuration, .fail, reason, remedy: "firn serve --check")
        }
    }

    private static func daemon(_ evidence: Evidence) -> [Finding] {
        guard let daemon = evidence.daemon else {
            return [Finding(.daemon, .skip, "the configuration does not tell where one would be")]
        }
        let start = daemon.hasUnit ? "sudo systemctl start firn" : "firn serve"
        switch daemon.answer {
        case .runs(let status):
            guard status.troubles.isEmpty else {
                return [
                    Finding(
                        .daemon,
                        of: daemon.address,
                        .fail,
                        "runs, and cannot answer: \(status.troubles.joined(separator: "; "))",
                        remedy: "journalctl --unit firn --lines 50"
                    )
                ]
            }
            return [
                Finding(
                    .daemon,
                    of: daemon.address,
                    .pass,
                    "firn \(status.version) runs and is ready"
                )
            ]
        case .notRunning(let reason):
            guard let expectation = daemon.expectation else {
                return [
                    Finding(
                        .daemon,
                        .skip,
                        "none runs at \(daemon.address), and none is set up here"
                    )
                ]
            }
            return [
                Finding(
                    .daemon,
                    of: daemon.address,
                    .fail,
                    "not running (\(reason)), although there is \(expectation)",
                    remedy: start
                )
            ]
        case .unfit(let reason):
            return [
                Finding(
                    .daemon,
                    of: daemon.address,
                    daemon.expectation == nil ? .skip : .fail,
                    reason,
                    remedy: daemon.expectation == nil
                        ? nil : "ss --listening --tcp --processes --numeric"
                )
            ]
        }
    }

    private static func tiers(_ evidence: Evidence) -> [Finding] {
        guard let daemon = evidence.daemon, case .runs(let status) = daemon.answer else {
            return []
        }
        return status.tiers.map { tier in
            guard !tier.isUsed else {
                return Finding(.tiers, of: tier.name, .pass, tier.state)
            }
            let reason = tier.lastFailure.map { ": \($0)" } ?? ""
            return Finding(
                .tiers,
                of: tier.name,
                .warn,
                "the daemon does without it, it is \(tier.state)\(reason)",
                remedy: evidence.wakeable[tier.name].map { "firn wake \($0), if it is asleep" }
                    ?? "firn status"
            )
        }
    }

    private static func firewall(_ evidence: Evidence) -> [Finding] {
        guard let facts = evidence.firewall, !facts.ports.isEmpty,
            evidence.daemon?.isThere == true
        else {
            return [Finding(.firewall, .skip, "no daemon here listens for other machines")]
        }
        switch facts.reading {
        case .unread(let reason): return [Finding(.firewall, .skip, reason)]
        case .read(let ruleset):
            return facts.ports.map { port in
                switch ruleset.fate(ofTCPTo: port) {
                case .accepted: Finding(.firewall, of: "port \(port)", .pass, "open for others")
                case .refused(let rule):
                    Finding(
                        .firewall,
                        of: "port \(port)",
                        .fail,
                        "nftables turns others away: \(rule)",
                        remedy:
                            "sudo nft insert rule \(rule.chain) tcp dport \(port) accept; on NixOS"
                            + " networking.firewall.allowedTCPPorts = [ \(port) ];"
                    )
                case .depends(let rule):
                    Finding(
                        .firewall,
                        of: "port \(port)",
                        .warn,
                        "whether others get in depends on a rule that is not understood: \(rule)",
                        remedy: "sudo nft list ruleset"
                    )
                }
            }
        }
    }
}
