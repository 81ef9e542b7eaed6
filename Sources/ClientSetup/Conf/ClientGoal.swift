// SPDX-License-Identifier: Apache-2.0

/// What shall hold of a client's configuration.
package struct ClientGoal: Hashable, Sendable {
    /// As it goes into `substituters`.
    package var url: String
    /// As in `trusted-public-keys`.
    package var publicKeys: [String]
    /// Where the token is; `nil` where none is needed.
    package var netrcFile: String?
    /// Whether no other cache is asked.
    package var isSole = false
    /// More settings, as Nix names them.
    package var settings: [Setting] = []

    package struct Setting: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(url: String, publicKeys: [String]) {
        self.url = url
        self.publicKeys = publicKeys
    }

    /// The lines that are missing from a configuration for this to hold; none where it holds.
    ///
    /// `standardNetrc`: Where Nix looks without being told.
    package func missing(from settings: ClientSettings, standardNetrc: String) -> [Setting] {
        var lines: [Setting] = []
        if isSole {
            if settings[.substituters] != [url] { lines.append(Setting("substituters", url)) }
        } else if !settings.uses(url) {
            lines.append(Setting("extra-substituters", url))
        }
        let trusted = settings[.trustedPublicKeys]
        let keys = publicKeys.filter { !trusted.contains($0) }
        if !keys.isEmpty {
            lines.append(Setting("extra-trusted-public-keys", keys.joined(separator: " ")))
        }
        if let netrcFile, netrcFile != settings.netrcFile ?? standardNetrc {
            lines.append(Setting("netrc-file", netrcFile))
        }
        lines += self.settings.filter { settings.others[$0.name] != $0.value }
        return lines
    }
}
