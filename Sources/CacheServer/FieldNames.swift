// SPDX-License-Identifier: Apache-2.0
import HTTPTypes

extension HTTPField.Name {
    /// Which tier the answer comes from.
    static let firnTier = known("X-Firn-Tier")
    /// On `nix-cache-info`: what this Firn can do besides Nix's protocol.
    static let firnAbilities = known("X-Firn")
    /// On requests: the nodes that it has come through.
    static let firnVia = known("X-Firn-Via")
    /// On the answer to a request that has come through this node before: the node.
    static let firnLoop = known("X-Firn-Loop")
    /// On requests for NARs: what the client can make them out of, best first.
    ///
    /// - Shape: `STOREHASH-NARHASH`, separated by commas, in Nix base-32.
    static let firnBases = known("X-Firn-Bases")
    /// What is quick enough for who asks for deltas.
    static let firnPace = known("X-Firn-Pace")
    /// RFC 9842: the hash of what the client can make the answer out of, and its name.
    static let availableDictionary = known("Available-Dictionary")
    static let dictionaryID = known("Dictionary-ID")
    static let useAsDictionary = known("Use-As-Dictionary")
    static let host = known("Host")
    static let forwarded = known("Forwarded")
    static let xForwardedFor = known("X-Forwarded-For")
    /// Behind a proxy, the scheme that the client knows; used for URLs in answers to it alone.
    static let xForwardedProto = known("X-Forwarded-Proto")
    static let contentMD5 = known("Content-MD5")

    /// Only for names that are well-formed.
    private static func known(_ name: String) -> Self {
        guard let name = Self(name) else { preconditionFailure("not a field name: \(name)") }
        return name
    }
}
