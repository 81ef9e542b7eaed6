// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import Push

/// The bodies of Cachix's interface, version 1, as its own command sends and reads them.
///
/// - Source: cachix 1.11, `cachix-api`; key by key.
enum CachixBodies {
    /// `GET /cache/NAME`.
    struct Cache: Decodable, Sendable {
        var name: String
        var uri: String
        var isPublic: Bool
        var publicSigningKeys: [String]
        /// `Read`, `Write` or `Admin`.
        var permission: String
    }

    /// `POST multipart-nar`.
    struct NewUpload: Decodable, Sendable {
        var narId: String
        var uploadId: String
    }

    /// `POST multipart-nar/NAR`.
    struct PartCheck: Encodable {
        var contentMD5: String
    }

    struct PartPlace: Decodable, Sendable {
        var uploadUrl: String
    }

    /// `POST multipart-nar/NAR/complete`.
    struct Completion: Encodable {
        struct Part: Encodable {
            var partNumber: Int
            var eTag: String
        }

        var parts: [Part]
        var narInfoCreate: NARInfoCreate
    }

    /// A narinfo without what the server knows itself.
    struct NARInfoCreate: Encodable {
        var cStoreHash: String
        var cStoreSuffix: String
        /// `sha256:` and Nix base-32.
        var cNarHash: String
        var cNarSize: UInt64
        /// Base-16, without the algorithm.
        var cFileHash: String
        var cFileSize: UInt64
        /// Base names.
        var cReferences: [String]
        var cDeriver: String
        /// Base-64 without the key's name; `null` where the server signs.
        var cSig: String?

        init(_ packed: PackedPath, fileHash: NixHash, signature: Signature?) {
            let info = packed.info
            cStoreHash = "\(info.path.hash)"
            cStoreSuffix = info.path.name
            cNarHash = info.narHash.text(.nix32)
            cNarSize = info.narSizeBytes
            cFileHash = fileHash.digestText(.base16)
            cFileSize = packed.fileSizeBytes
            cReferences = info.references.map { "\($0)" }
            cDeriver = info.deriver.map { "\($0)" } ?? "unknown-deriver"
            cSig = signature.map { Base64.encode($0.bytes) }
        }

        private enum CodingKeys: CodingKey {
            case cStoreHash, cStoreSuffix, cNarHash, cNarSize, cFileHash, cFileSize, cReferences
            case cDeriver, cSig
        }

        /// Every key is there, as the server demands; the signature may be `null`.
        func encode(to encoder: any Encoder) throws {
            var body = encoder.container(keyedBy: CodingKeys.self)
            try body.encode(cStoreHash, forKey: .cStoreHash)
            try body.encode(cStoreSuffix, forKey: .cStoreSuffix)
            try body.encode(cNarHash, forKey: .cNarHash)
            try body.encode(cNarSize, forKey: .cNarSize)
            try body.encode(cFileHash, forKey: .cFileHash)
            try body.encode(cFileSize, forKey: .cFileSize)
            try body.encode(cReferences, forKey: .cReferences)
            try body.encode(cDeriver, forKey: .cDeriver)
            try body.encode(cSig, forKey: .cSig)
        }
    }

    /// Of an answer that asks for patience.
    struct Patience: Decodable {
        var retryAfterSeconds: Double

        private enum CodingKeys: String, CodingKey {
            case retryAfterSeconds = "retry_after"
        }
    }

    /// Of an answer that says why not; the key is a guess that costs nothing.
    struct Complaint: Decodable {
        var error: String
    }
}
