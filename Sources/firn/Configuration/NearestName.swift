// SPDX-License-Identifier: Apache-2.0

/// Finds what somebody meant who wrote a name that does not exist.
package enum NearestName {
    /// - Returns: The closest of the names, or `nil` when none is close enough to suggest.
    package static func find(_ written: String, among names: some Sequence<String>) -> String? {
        let limit = max(2, written.count / 4)
        var best: (name: String, edits: Int)?
        for name in names {
            let edits = edits(from: Array(written.lowercased()), to: Array(name.lowercased()))
            if edits <= limit, edits < best?.edits ?? .max { best = (name, edits) }
        }
        return best?.name
    }

    /// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other.
    package static func edits(from left: [Character], to right: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var least = min(last[column + 1], current[column]) + 1
                least = min(least, last[column] + (character == other ? 0 : 1))
                let isSwap =
                    row > 0 && column > 0 && character == right[column - 1]
                    && left[row - 1] == other
                if isSwap { least = min(least, beforeLast[column - 1] + 1) }
                current.append(least)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}

extension NearestName {
    /// What to write in place of an unknown key of `firn.toml`.
    package static func key(for written: String) -> String? {
        let known = Setting.all.map(\.key)
        let leaf = String(written.split(separator: ".").last ?? "")
        if let ours = foreignKeys[leaf] { return ours }
        if let moved = known.first(where: { $0.hasSuffix(".\(leaf)") }) { return moved }
        // The name of a section is no help to somebody who has already written one.
        let sections =
            written.contains(".")
            ? [] : Setting.sections.union(["cache", "hosts", "oidc", "tier"]).sorted()
        return find(written, among: known + sections)
    }

    /// What to write in place of an unknown key of a `[[tier]]`.
    package static func tierKey(for written: String) -> String? {
        let ours = foreignTierKeys[written] ?? find(written, among: TierField.all.map(\.key))
        return ours.map { "tier.\($0)" } ?? key(for: "tier.\(written)")
    }

    /// What to write in place of an unknown key of a `[[cache]]`.
    package static func cacheKey(for written: String) -> String? {
        find(written, among: CacheField.all.map(\.key)).map { "cache.\($0)" }
    }

    /// What to write in place of an unknown key of an `[[oidc]]`.
    package static func identityKey(for written: String) -> String? {
        let ours =
            foreignIdentityKeys[written] ?? find(written, among: IdentityField.all.map(\.key))
        return ours.map { "oidc.\($0)" }
    }

    /// What such things are called elsewhere.
    private static let foreignIdentityKeys = [
        "aud": "audience",
        "bound-claims": "claims",
        "bound_claims": "claims",
        "cache": "caches",
        "iss": "issuer",
        "jwks-url": "keys-url",
        "jwks_uri": "keys-url",
        "permissions": "allow",
        "scope": "allow",
    ]

    /// What such things are called in `nix.conf` and in other caches.
    private static let foreignTierKeys = [
        "key": "public-keys",
        "keys": "public-keys",
        "netrc-file": "netrc",
        "public-key": "public-keys",
        "public_keys": "public-keys",
        "token": "token-file",
        "trusted-public-keys": "public-keys",
        "url": "urls",
    ]

    /// The names of the same things in the servers that people come from.
    private static let foreignKeys = [
        "bind": "server.listen",
        "port": "server.listen",
        "real_nix_store": "store.root",
        "sign_key_path": "signing.keys",
        "sign_key_paths": "signing.keys",
        "tls_cert_path": "server.tls.certificate",
        "tls_key_path": "server.tls.key",
    ]
}
