// SPDX-License-Identifier: Apache-2.0
import ClientSetup

/// Whether the parts are of one time.
enum VersionRule {
    static func findings(_ evidence: Evidence) -> [Finding] {
        let own = evidence.version
        var findings: [Finding] = []
        if case .runs(let status) = evidence.daemon?.answer, status.version != own {
            findings.append(
                Finding(
                    .versions,
                    of: evidence.daemon?.address,
                    .warn,
                    "the daemon is Firn \(status.version), and this is Firn \(own)",
                    remedy: "sudo systemctl restart firn"
                )
            )
        }
        for cache in evidence.caches where cache.role != .own {
            guard let theirs = cache.firnVersion, theirs != own else { continue }
            findings.append(
                Finding(
                    .versions,
                    of: cache.url,
                    .warn,
                    "is Firn \(theirs), and this is Firn \(own)",
                    remedy: "the same version on both"
                )
            )
        }
        findings += nix(evidence.nix)
        return findings.isEmpty
            ? [Finding(.versions, .pass, "every Firn that answered is \(own)")] : findings
    }

    /// Versions of Nix with a fault that looks like the cache's.
    private static func nix(_ nix: NixFacts) -> [Finding] {
        guard let version = nix.version else { return [] }
        if version < NixVersion(major: 2, minor: 13), nix.isOn("fallback") {
            return [
                Finding(
                    .versions,
                    of: "nix",
                    .fail,
                    "Nix \(version) aborts when a cache fails and fallback is on",
                    remedy: "fallback = false in nix.conf, or a newer Nix"
                )
            ]
        }
        return []
    }
}
