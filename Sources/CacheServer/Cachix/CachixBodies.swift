// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import NixFormat

/// The bodies of Cachix's interface, version 1, as a server reads and writes them.
///
/// - Source: cachix 1.11, `cachix-api`; key by key. All of it is written, and what is read may have
///   keys that are not known.
enum CachixBodies {
    /// `GET /cache/NAME`.
    struct Cache: Encodable {
        var name: String
        /// Where Nix reads it.
        var uri: String
        var isPublic: Bool
        var publicSigningKeys: [String]
        /// Nobody's: caches here belong to no account.
        var githubUsername = ""
        /// `Read`, `Write` or `Admin`.
        var permission: String
        /// What is least work for both sides.
        var preferredCompressionMethod = "ZSTD"
    }

    /// The answer to `POST multipart-nar`.
    struct NewUpload: Encodable {
        /// A UUID.
        var narId: String
        var uploadId: String
    }

    /// `POST multipart-nar/ID`.
    struct PartCheck: Decodable {
        /// Base-64.
        var contentMD5: String
    }

    /// Where the part goes.
    struct PartURL: Encodable {
        var uploadUrl: String
    }

    /// `POST multipart-nar/ID/complete`.
    struct Completion: Decodable {
        struct Part: Decodable {
            var partNumber: Int
            var eTag: String
        }

        /// `null` for whatever came.
        var parts: [Part]?
        var narInfoCreate: NARInfoCreate

        var list: PartList? {
            parts.map { parts in
                PartList(parts.map { .init(number: $0.partNumber, entityTag: $0.eTag) })
            }
        }
    }

    /// A narinfo without what the server knows itself.
    struct NARInfoCreate: Decodable {
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
        /// A base name, or `unknown-deriver`.
        var cDeriver: String
        /// Base-64, without a key's name; `null` where the server signs.
        var cSig: String?

        /// - Throws: ``CacheError/malformed(_:)``, naming the key.
        func narInfo() throws(CacheError) -> NARInfo {
            guard let hash = try? StorePathHash(parsing: cStoreHash),
                let path = try? StorePath(hash: hash, name: cStoreSuffix)
            else { throw Self.malformed("cStoreHash and cStoreSuffix are no store path") }
            guard let narHash = try? NixHash(parsing: cNarHash) else {
                throw Self.malformed("cNarHash is no hash")
            }
            guard let fileHash = try? NixHash(parsing: "sha256:\(cFileHash)") else {
                throw Self.malformed("cFileHash is no SHA-256")
            }
            guard cNarSize > 0, cNarSize <= Int64.max else {
                throw Self.malformed("cNarSize is no size")
            }
            var references: [StorePath] = []
            for text in cReferences {
                guard let reference = try? StorePath(parsing: text) else {
                    throw Self.malformed("cReferences has what is no store path")
                }
                references.append(reference)
            }
            let deriver = try? StorePath(parsing: cDeriver)
            guard deriver != nil || cDeriver == "unknown-deriver" else {
                throw Self.malformed("cDeriver is no store path")
            }
            // Caches here sign by themselves: what a sender vouches for with a key that has no name
            // would be believed by nobody.
            if let cSig, (try? Base64.decode(cSig))?.count != 64 {
                throw Self.malformed("cSig is no signature")
            }
            return NARInfo(
                storePath: path,
                url: "nar/",
                compression: .zstd,
                fileHash: fileHash,
                fileSizeBytes: cFileSize,
                narHash: narHash,
                narSizeBytes: cNarSize,
                references: references,
                deriver: deriver
            )
        }

        private static func malformed(_ what: String) -> CacheError {
            .malformed("narInfoCreate: \(what)")
        }
    }

    /// `POST pin`.
    struct Pin: Decodable {
        struct Keep: Decodable {
            var tag: String
            var contents: Int?
        }

        var name: String
        var storePath: String
        /// Files of the path that Cachix shows to people; there is no such page here.
        var artifacts: [String]?
        var keep: Keep?

        /// What is not said is as `firn pin` has it: the latest path stays.
        func keeping() throws(CacheError) -> Caches.Pin.Keep {
            switch (keep?.tag, keep?.contents) {
            case (nil, _): return .revisions(1)
            case ("Days", let days?) where (1...36_500).contains(days): return .days(days)
            case ("Revisions", let count?) where (1...Caches.Pin.mostRevisions).contains(count):
                return .revisions(count)
            case ("Forever", _): return .revisions(Caches.Pin.mostRevisions)
            default:
                throw .malformed(
                    "keep is null, Forever, 1 to 36500 Days, or 1 to"
                        + " \(Caches.Pin.mostRevisions) Revisions"
                )
            }
        }
    }

    /// `POST key`.
    struct Key: Decodable {
        /// Base-64.
        var publicKey: String
    }

    /// The answer to what has none.
    struct Nothing: Encodable {}
}
