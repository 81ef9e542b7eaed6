// SPDX-License-Identifier: Apache-2.0

/// What a client has to know of a cache to use it: the answer to `FirnRoute.identity`.
package struct IdentityReport: Codable, Hashable, Sendable {
    package var version: String
    /// The cache's name; `nil` for the merged view of the server.
    package var name: String?
    package var storeDirectory: String
    package var priority: Int
    /// As in `trusted-public-keys`.
    package var publicKeys: [String]
    /// The caches behind this one, in their order; `nil` for those who ask from another machine.
    package var tiers: [Tier]?

    package struct Tier: Codable, Hashable, Sendable {
        package var name: String
        /// Those that its paths are signed by; none where it is believed without.
        package var publicKeys: [String]

        package init(name: String, publicKeys: [String]) {
            self.name = name
            self.publicKeys = publicKeys
        }

        private enum CodingKeys: String, CodingKey {
            case name
            case publicKeys = "public-keys"
        }
    }

    package init(
        version: String,
        name: String? = nil,
        storeDirectory: String,
        priority: Int,
        publicKeys: [String],
        tiers: [Tier]? = nil
    ) {
        self.version = version
        self.name = name
        self.storeDirectory = storeDirectory
        self.priority = priority
        self.publicKeys = publicKeys
        self.tiers = tiers
    }

    private enum CodingKeys: String, CodingKey {
        case version, name, priority, tiers
        case storeDirectory = "store-directory"
        case publicKeys = "public-keys"
    }
}
