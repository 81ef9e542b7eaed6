// SPDX-License-Identifier: Apache-2.0
package import ClientSetup

/// The Nix of this machine, as it says itself.
package struct NixFacts: Hashable, Sendable {
    /// As it prints it; `nil` where there is none, or it does not tell.
    package var versionText: String?
    package var version: NixVersion?
    /// What is in effect, by name; empty where it does not tell.
    package var settings: [String: [String]] = [:]
    /// Why it does not start or tell, though it is there; `nil` otherwise.
    package var trouble: String?
    /// What is wrong with the files that it is configured by, as they are; `nil` where nothing is.
    package var configurationTrouble: String?
    /// The command that shows the settings.
    package var command = "nix show-config"
    /// The Nix daemon that has been running since before its configuration was changed: the file.
    package var daemonIsOlderThan: String?

    package init() {}

    /// The caches in their order, each without its parameters.
    package var substituters: [String] { settings["substituters"] ?? [] }
    package var trustedKeys: [String] { settings["trusted-public-keys"] ?? [] }

    /// A setting that is a number.
    package func number(_ names: String...) -> Int? {
        names.lazy.compactMap { settings[$0]?.first.flatMap { Int($0) } }.first
    }

    package func isOn(_ name: String) -> Bool { settings[name] == ["true"] }
}
