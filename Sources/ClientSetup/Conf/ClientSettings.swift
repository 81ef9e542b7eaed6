// SPDX-License-Identifier: Apache-2.0

/// What of a Nix configuration bears on the caches it uses.
package struct ClientSettings: Hashable, Sendable {
    /// Settings that are lists, and may be added to with `extra-` in front.
    package enum List: String, CaseIterable, Sendable {
        case substituters
        case trustedPublicKeys = "trusted-public-keys"
        case trustedSubstituters = "trusted-substituters"
        case trustedUsers = "trusted-users"

        /// The names that Nix had for them once, and still takes.
        init?(name: String) {
            switch name {
            case "binary-caches": self = .substituters
            case "binary-cache-public-keys": self = .trustedPublicKeys
            case "trusted-binary-caches": self = .trustedSubstituters
            default: self.init(rawValue: name)
            }
        }
    }

    /// The key of cache.nixos.org, which Nix trusts by itself.
    package static let publicNixKey =
        "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="

    private var lists: [List: [String]] = [
        .substituters: ["https://cache.nixos.org/"],
        .trustedPublicKeys: [publicNixKey],
        .trustedUsers: ["root"],
    ]
    /// Every other setting that a file names; the last one counts.
    package private(set) var others: [String: String] = [:]

    /// What Nix has without any file.
    package init() {}

    package subscript(_ list: List) -> [String] { lists[list] ?? [] }

    /// `nil` where no file names it: Nix then has `netrc` in its own folder.
    package var netrcFile: String? { others["netrc-file"] }

    /// Takes one statement in, in the order of the text.
    mutating func apply(_ name: String, _ words: [String]) {
        if let list = List(name: name) {
            lists[list] = words
        } else if name.hasPrefix("extra-"), let list = List(name: String(name.dropFirst(6))) {
            lists[list, default: []] += words
        } else {
            others[name] = words.joined(separator: " ")
        }
    }

    /// Whether a cache is asked, however its URL is written.
    package func uses(_ url: String) -> Bool {
        self[.substituters].contains { Self.isSame($0, url) }
    }

    /// Two URLs of one cache: a slash at the end or parameters make no difference.
    package static func isSame(_ one: String, _ other: String) -> Bool {
        plain(one) == plain(other)
    }

    private static func plain(_ url: String) -> Substring {
        var text = url.prefix { $0 != "?" }
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }
}
