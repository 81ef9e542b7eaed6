// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Foundation
import Glibc

/// Whether the Nix daemon of this machine takes a user's settings at all.
struct DaemonTrust {
    let probe: NixProbe
    /// What the machine's own file says.
    let system: ClientSettings
    let environment: [String: String]

    /// - Source: Nix manual, "NIX_DAEMON_SOCKET_PATH" and "NIX_STATE_DIR".
    static func hasDaemon(_ environment: [String: String]) -> Bool {
        let state = environment["NIX_STATE_DIR"] ?? "/nix/var/nix"
        let socket = environment["NIX_DAEMON_SOCKET_PATH"] ?? "\(state)/daemon-socket/socket"
        return unsafe access(socket, F_OK) == 0
    }

    /// None where the user's settings count, or the machine allows what they say.
    func warnings(_ goal: ClientGoal) -> [String] {
        guard geteuid() != 0, Self.hasDaemon(environment),
            let trusted = probe.settings["trusted-users"]
        else { return [] }
        let allowed = system[.trustedSubstituters] + system[.substituters]
        let isAllowed = allowed.contains { ClientSettings.isSame($0, goal.url) }
        let keys = system[.trustedPublicKeys]
        guard !isAllowed || !goal.publicKeys.allSatisfy(keys.contains) else { return [] }
        let (user, groups) = Self.whoAmI()
        guard !TrustedUsers.includes(user, groups: groups, in: trusted) else { return [] }
        return [
            "the Nix daemon does not take caches and keys from \(user): \(probe.command) has"
                + " trusted-users = \(trusted.joined(separator: " ")); it will say \"ignoring the"
                + " client-specified setting\", and not use the cache. Have it set up with sudo firn"
                + " use --system, or \(user) added to trusted-users"
        ]
    }

    private static func whoAmI() -> (user: String, groups: [String]) {
        var identifiers = [gid_t](repeating: 0, count: 1_024)
        let count = unsafe getgroups(Int32(identifiers.count), &identifiers)
        let all = [getegid()] + identifiers.prefix(max(0, Int(count)))
        let groups = all.compactMap { identifier -> String? in
            guard let entry = unsafe getgrgid(identifier) else { return nil }
            return unsafe String(cString: entry.pointee.gr_name)
        }
        let user = unsafe getpwuid(geteuid()).map { unsafe String(cString: $0.pointee.pw_name) }
        return (user ?? "\(geteuid())", groups)
    }
}
