// SPDX-License-Identifier: Apache-2.0

/// What a binary cache says about one store path.
///
/// - Source: Nix manual, "Binary Cache narinfo".
public struct NARInfo: Hashable, Sendable {
    /// The path that this is about.
    public var storePath: StorePath
    /// Where the NAR is, relative to the cache or absolute; opaque, passed on as it came.
    public var url: String
    /// How the file behind the URL is compressed.
    public var compression: NARCompression
    /// The hash of the file behind the URL; clients do not check it.
    public var fileHash: NixHash?
    /// The size of the file behind the URL; `nil` when the cache does not tell, never 0 for that.
    public var fileSizeBytes: UInt64?
    /// The hash of the NAR before compression.
    public var narHash: NixHash
    /// The size of the NAR before compression, at least 1.
    public var narSizeBytes: UInt64
    /// The paths that this one names; in the order of the text.
    public var references: [StorePath]
    /// The derivation that made it.
    public var deriver: StorePath?
    /// The signatures, in the order of the text.
    public var signatures: [Signature]
    /// What the path's hash is derived from, when that is its content.
    public var contentAddress: String?
    /// Fields with other names, and `Sig` lines that are not signatures of a known form.
    public var unknownFields: [Field]

    /// A line that is kept as it came.
    public struct Field: Hashable, Sendable {
        /// What stands in front of the colon.
        public var name: String
        /// What stands behind it.
        public var value: String

        /// Puts a line together.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Describes a path; what is left out is absent from the text.
    public init(
        storePath: StorePath,
        url: String,
        compression: NARCompression,
        fileHash: NixHash? = nil,
        fileSizeBytes: UInt64? = nil,
        narHash: NixHash,
        narSizeBytes: UInt64,
        references: [StorePath] = [],
        deriver: StorePath? = nil,
        signatures: [Signature] = [],
        contentAddress: String? = nil,
        unknownFields: [Field] = []
    ) {
        self.storePath = storePath
        self.url = url
        self.compression = compression
        self.fileHash = fileHash
        self.fileSizeBytes = fileSizeBytes
        self.narHash = narHash
        self.narSizeBytes = narSizeBytes
        self.references = references
        self.deriver = deriver
        self.signatures = signatures
        self.contentAddress = contentAddress
        self.unknownFields = unknownFields
    }

    /// What a signature of this path covers.
    public func fingerprint(in directory: StoreDirectory) -> [UInt8] {
        PathFingerprint.bytes(
            storePath: storePath,
            narHash: narHash,
            narSizeBytes: narSizeBytes,
            references: references,
            in: directory
        )
    }
}
