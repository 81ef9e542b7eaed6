// SPDX-License-Identifier: Apache-2.0

/// The version of an installed Nix, as far as settings depend on it.
package struct NixVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let major: Int
    package let minor: Int

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads what `nix --version` prints: its first number with a point in it, such as `2.34.8`.
    ///
    /// - Returns: `nil` where there is none.
    package init?(parsing text: String) {
        for word in text.split(whereSeparator: { !$0.isASCII || !($0.isNumber || $0 == ".") }) {
            let parts = word.split(separator: ".").map { Int($0) }
            guard parts.count > 1, let major = parts[0], let minor = parts[1] else { continue }
            self.init(major: major, minor: minor)
            return
        }
        return nil
    }

    package static func < (one: NixVersion, other: NixVersion) -> Bool {
        (one.major, one.minor) < (other.major, other.minor)
    }

    package var description: String { "\(major).\(minor)" }
}

extension ClientGoal {
    /// What makes the daemon of this machine the only cache that its Nix asks.
    ///
    /// `connect-timeout` and the number of attempts stay: nobody waits for a connection to this
    /// machine, and both hold for everything else that Nix downloads, too.
    ///
    /// `url`: The daemon's, on loopback.
    /// `publicKeys`: The daemon's own, and those of its tiers.
    /// `version`: `nil` where it is not known, as on a machine that is yet to come.
    /// `isUsers`: Whether it is for a user's nix.conf, the only one in which `substitute` keeps the new
    /// commands asking without a network.
    /// `isKnown`: Whether the installed Nix has a setting of that name.
    package static func agent(
        url: String,
        publicKeys: [String],
        version: NixVersion?,
        isUsers: Bool,
        isKnown: (String) -> Bool
    ) -> ClientGoal {
        // 2.35 and newer take the number of attempts for one cache alone, as a parameter.
        let hasParameters = version.map { $0 >= NixVersion(major: 2, minor: 35) } ?? false
        var goal = ClientGoal(
            url: hasParameters ? "\(url)?retry-attempts=2" : url,
            publicKeys: publicKeys
        )
        goal.isSole = true
        goal.settings = [
            // The daemon knows when a miss is over; Nix would believe it for an hour.
            Setting("narinfo-cache-negative-ttl", "0"),
            // Five minutes by default, five times over, should the daemon hang.
            Setting("stalled-download-timeout", "60"),
            // A closure is a burst of small questions, none of which leaves the machine.
            Setting("http-connections", "64"),
        ]
        if isUsers { goal.settings.append(Setting("substitute", "true")) }
        goal.settings.removeAll { !isKnown($0.name) }
        return goal
    }
}
