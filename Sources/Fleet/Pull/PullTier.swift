// SPDX-License-Identifier: Apache-2.0

/// A cache that a host may pull from, as the host reaches it.
package struct PullTier: Hashable, Sendable {
    /// As the configuration has it; in reports only.
    package let name: String
    /// Several ways to the same cache, in the order of preference: the first that answers is used.
    package let addresses: [String]
    /// In Nix's own form, `NAME:BASE64`.
    package let publicKeys: [String]

    /// Why a tier cannot be handed to a host.
    package enum Unusable: Error, Hashable, Sendable, CustomStringConvertible {
        case noAddress(tier: String)
        case badAddress(tier: String, address: String)
        case badKey(tier: String, key: String)

        package var description: String {
            switch self {
            case .noAddress(let tier): "tier \(tier) has no address"
            case .badAddress(let tier, let address):
                "tier \(tier): \"\(address)\" is no address of a cache that a host can be told"
            case .badKey(let tier, let key): "tier \(tier): \"\(key)\" is no public key"
            }
        }
    }

    /// - Throws: ``Unusable`` for what would be read as something else on the way to the host.
    package init(
        name: String,
        addresses: [String],
        publicKeys: [String]
    ) throws(Unusable) {
        guard !addresses.isEmpty else { throw .noAddress(tier: name) }
        for address in addresses where !Self.isAddress(address) {
            throw .badAddress(tier: name, address: address)
        }
        for key in publicKeys where !Self.isKey(key) { throw .badKey(tier: name, key: key) }
        self.name = name
        self.addresses = addresses
        self.publicKeys = publicKeys
    }

    /// Whether a host can be told of an address, wherever it comes from.
    package static func isAddress(_ text: String) -> Bool {
        let schemes = ["http://", "https://", "file:///"]
        return text.utf8.count <= 2_000 && schemes.contains { text.hasPrefix($0) }
            && text.utf8.allSatisfy { isPlain($0) && $0 != UInt8(ascii: ",") }
    }

    private static func isKey(_ text: String) -> Bool {
        text.utf8.count <= 500 && text.contains(":") && text.utf8.allSatisfy(isPlain)
    }

    /// What is one word in a list of Nix's and in a quoted word of sh: neither space nor quote.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "'") && byte != UInt8(ascii: "\"")
            && byte != UInt8(ascii: "\\")
    }
}
