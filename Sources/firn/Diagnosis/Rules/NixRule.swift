// SPDX-License-Identifier: Apache-2.0
import ClientSetup

/// Whether the running Nix asks the caches that it shall.
enum NixRule {
    static func findings(_ evidence: Evidence) -> [Finding] {
        [nix(evidence.nix)] + substituters(evidence)
    }

    private static func nix(_ nix: NixFacts) -> Finding {
        guard let version = nix.versionText else {
            guard let trouble = nix.trouble else {
                return Finding(.nix, .skip, "there is no nix in PATH")
            }
            return Finding(
                .nix,
                .fail,
                "Nix does not start: \(nix.configurationTrouble ?? trouble)",
                remedy: "nix --version, when that is mended"
            )
        }
        if nix.settings.isEmpty {
            let reason = nix.configurationTrouble ?? nix.trouble
            return Finding(
                .nix,
                .fail,
                "\(version) does not show its settings\(reason.map { ": \($0)" } ?? "")",
                remedy: nix.command
            )
        }
        if let trouble = nix.configurationTrouble {
            return Finding(
                .nix,
                .warn,
                "\(version) starts, and passes over what it cannot read: \(trouble)",
                remedy: "ls -l, and chmod 644 for a nix.conf that is meant for everybody"
            )
        }
        if let file = nix.daemonIsOlderThan {
            return Finding(
                .nix,
                of: file,
                .warn,
                "\(version): it was changed after the Nix daemon had started, which has not read it",
                remedy: "sudo systemctl restart nix-daemon"
            )
        }
        if nix.settings["substitute"] == ["false"] {
            return Finding(
                .nix,
                .fail,
                "\(version) has substitute = false, as it also has without a network: it asks no cache",
                remedy: "substitute = true in nix.conf, or NIX_CONFIG"
            )
        }
        return Finding(.nix, .pass, version)
    }

    private static func substituters(_ evidence: Evidence) -> [Finding] {
        let nix = evidence.nix
        guard !nix.settings.isEmpty else { return [] }
        let wanted = evidence.caches.compactMap { cache -> Finding? in
            guard case .wanted(let reason) = cache.role else { return nil }
            guard !isListed(cache.url, nix) else {
                return Finding(.substituters, of: cache.url, .pass, "in the running configuration")
            }
            return Finding(
                .substituters,
                of: cache.url,
                .fail,
                "\(nix.command) does not list it, although \(reason)",
                remedy: "firn use \(cache.url)"
            )
        }
        guard wanted.isEmpty else { return wanted }
        let all = nix.substituters
        return [
            all.isEmpty
                ? Finding(
                    .substituters,
                    .warn,
                    "\(nix.command) lists no cache at all",
                    remedy: "firn use URL"
                )
                : Finding(.substituters, .pass, "Nix asks \(all.joined(separator: " "))")
        ]
    }

    static func isListed(_ url: String, _ nix: NixFacts) -> Bool {
        nix.substituters.contains { ClientSettings.isSame($0, url) }
    }
}
