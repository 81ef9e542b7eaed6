// SPDX-License-Identifier: Apache-2.0

/// Whether Nix's daemon takes settings from a user.
///
/// - Source: Nix manual, `trusted-users`: names, `@` with a group behind it, or `*`.
package enum TrustedUsers {
    package static func includes(
        _ user: String,
        groups: [String],
        in setting: [String]
    ) -> Bool {
        setting.contains { word in
            word == "*" || word == user
                || word.hasPrefix("@") && groups.contains(String(word.dropFirst()))
        }
    }
}
