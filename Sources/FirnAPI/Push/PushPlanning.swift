// SPDX-License-Identifier: Apache-2.0

/// What a cache is asked about before a push.
package struct PushQuestion: Codable, Hashable, Sendable {
    package struct Path: Codable, Hashable, Sendable {
        /// The base name of the store path.
        package var path: String
        /// As in a narinfo.
        package var narHash: String
        /// In bytes.
        package var narSize: UInt64
        /// The names of the keys that have signed it.
        package var signedBy: [String]?

        package init(path: String, narHash: String, narSize: UInt64, signedBy: [String]?) {
            self.path = path
            self.narHash = narHash
            self.narSize = narSize
            self.signedBy = signedBy
        }
    }

    package var paths: [Path]

    package init(paths: [Path]) { self.paths = paths }
}

/// What a cache needs of the paths that it was asked about; those that it has are not listed.
package struct PushNeeds: Codable, Hashable, Sendable {
    package enum Need: String, Codable, Sendable {
        case send
        case prove
        case elsewhere
        case refused
    }

    package struct Path: Codable, Hashable, Sendable {
        package var hash: String
        package var need: Need
        /// Base64; there with `prove`.
        package var nonce: String?
        /// The name of a tier; there with `elsewhere`.
        package var upstream: String?
        /// There with `refused`.
        package var reason: String?

        package init(
            hash: String,
            need: Need,
            nonce: String? = nil,
            upstream: String? = nil,
            reason: String? = nil
        ) {
            self.hash = hash
            self.need = need
            self.nonce = nonce
            self.upstream = upstream
            self.reason = reason
        }
    }

    package var paths: [Path]
    /// How many bytes of files the cache has room for; absent where nothing bounds it.
    package var room: UInt64?

    package init(paths: [Path], room: UInt64? = nil) {
        self.paths = paths
        self.room = room
    }
}

/// Whether more would fit than a cache has said.
package struct PushRoomQuestion: Codable, Hashable, Sendable {
    /// Of files that are about to come.
    package var bytes: UInt64

    package init(bytes: UInt64) { self.bytes = bytes }
}

/// How much room there is.
package struct PushRoom: Codable, Hashable, Sendable {
    /// In bytes of files; absent where nothing bounds it.
    package var room: UInt64?

    package init(room: UInt64?) { self.room = room }
}

/// Proofs of having NARs that the cache has as well.
package struct PushProofs: Codable, Hashable, Sendable {
    package struct Proof: Codable, Hashable, Sendable {
        /// The name of the NAR in the depot, `HASH-NARHASH.nar.zst`.
        package var key: String
        /// As the cache gave it.
        package var nonce: String
        /// Base64 of the SHA-256 of the nonce's bytes and the NAR's.
        package var digest: String

        package init(key: String, nonce: String, digest: String) {
            self.key = key
            self.nonce = nonce
            self.digest = digest
        }
    }

    package var proofs: [Proof]

    package init(proofs: [Proof]) { self.proofs = proofs }
}
