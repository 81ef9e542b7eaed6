// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// For whom a cache is set up.
package enum UseForm: String, EnumerableFlag, Sendable {
    case user
    case system
    case nixos

    static func help(for value: UseForm) -> ArgumentHelp? {
        switch value {
        case .user: "Write your own nix.conf (the default, but for root)."
        case .system: "Write the machine's nix.conf (the default for root)."
        case .nixos: "Write a NixOS module."
        }
    }
}

/// Where Nix looks for its configuration.
///
/// - Source: Nix manual, "nix.conf", and Nix 2.8 to 2.34.
package struct ClientPlaces: Sendable {
    /// In the order in which they apply.
    package let files: [String]
    /// The one to write.
    package let conf: String
    /// Where a token goes if no setting says otherwise.
    package let netrc: String
    /// Where Nix looks for one if no setting says otherwise.
    package let standardNetrc: String

    /// - Throws: ``UseError/noPlace(_:)`` where Nix would read nothing that may be written.
    package init(_ form: UseForm, environment: [String: String]) throws(UseError) {
        var folder = Self.nonEmpty(environment["NIX_CONF_DIR"]) ?? "/etc/nix"
        while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
        standardNetrc = "\(folder)/netrc"
        guard form == .user else {
            files = ["\(folder)/nix.conf"]
            conf = "\(folder)/nix.conf"
            netrc = standardNetrc
            return
        }
        let users = try Self.userFiles(environment)
        guard let first = users.first else {
            throw .noPlace("NIX_USER_CONF_FILES is empty, so that Nix reads no user's file")
        }
        guard users.allSatisfy({ $0.hasPrefix("/") }) else {
            throw .noPlace("HOME, XDG_CONFIG_HOME or NIX_USER_CONF_FILES is not absolute")
        }
        files = ["\(folder)/nix.conf"] + users.reversed()
        conf = first
        netrc = first[..<(first.lastIndex(of: "/") ?? first.startIndex)] + "/netrc"
        guard Self.isValue(netrc) else {
            throw .noPlace("\(netrc) cannot be a value in nix.conf: it has a #, or white space")
        }
    }

    /// The one that counts most comes first.
    private static func userFiles(_ environment: [String: String]) throws(UseError) -> [String] {
        if let named = environment["NIX_USER_CONF_FILES"] {
            return named.split(separator: ":").map(String.init)
        }
        var folders: [String] = []
        if let folder = nonEmpty(environment["XDG_CONFIG_HOME"]) {
            folders.append(folder)
        } else {
            guard let home = nonEmpty(environment["HOME"]) else {
                throw .noPlace("HOME is not set")
            }
            folders.append("\(home)/.config")
        }
        let others = nonEmpty(environment["XDG_CONFIG_DIRS"]) ?? "/etc/xdg"
        folders += others.split(separator: ":").map(String.init)
        return folders.map { "\($0)/nix/nix.conf" }
    }

    /// Nix joins words with one space, and takes what is behind a `#` for a comment.
    private static func isValue(_ path: String) -> Bool {
        path.utf8.allSatisfy { $0 > 0x20 && $0 != 0x23 && $0 != 0x7F }
    }

    private static func nonEmpty(_ text: String?) -> String? { text?.isEmpty == false ? text : nil }
}
