// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What Nix's database knows about one valid path.
///
/// NarSize is always known here: rows without it are not answers.
package struct PathInfo: Sendable, Hashable {
    /// The row's id in Nix's database.
    ///
    /// A path that is deleted and built again gets a higher one.
    package let id: Int64
    package let path: StorePath
    package let narHash: NixHash
    /// Bytes of the identity NAR; never 0.
    package let narSizeBytes: UInt64
    /// Sorted by base name; may contain the path itself.
    package let references: [StorePath]
    package let deriver: StorePath?
    /// The signatures that the database holds, in its order.
    package let signatures: [Signature]
    /// Nix's rendering, such as `fixed:r:sha256:…`, for content-addressed paths.
    package let contentAddress: String?
    /// Unix seconds.
    package let registeredAt: Int64

    package init(
        id: Int64,
        path: StorePath,
        narHash: NixHash,
        narSizeBytes: UInt64,
        references: [StorePath] = [],
        deriver: StorePath? = nil,
        signatures: [Signature] = [],
        contentAddress: String? = nil,
        registeredAt: Int64 = 0
    ) {
        self.id = id
        self.path = path
        self.narHash = narHash
        self.narSizeBytes = narSizeBytes
        self.references = references.sorted()
        self.deriver = deriver
        self.signatures = signatures
        self.contentAddress = contentAddress
        self.registeredAt = registeredAt
    }
}
