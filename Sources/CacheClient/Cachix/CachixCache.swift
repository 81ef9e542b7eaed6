// SPDX-License-Identifier: Apache-2.0

/// A cache at Cachix, as far as who reads it has to know; all of it as it came.
package struct CachixCache: Hashable, Sendable {
    /// Where Nix finds it.
    package let uri: String
    package let isPublic: Bool
    /// As in `trusted-public-keys`.
    package let publicKeys: [String]

    package init(uri: String, isPublic: Bool, publicKeys: [String]) {
        self.uri = uri
        self.isPublic = isPublic
        self.publicKeys = publicKeys
    }
}
