// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// A path whose NAR was read, verified and compressed.
package struct PackedPath: Hashable, Sendable {
    package let info: PathInfo
    /// Of the compressed bytes.
    package let fileHash: NixHash
    package let fileSizeBytes: UInt64

    package init(info: PathInfo, fileHash: NixHash, fileSizeBytes: UInt64) {
        self.info = info
        self.fileHash = fileHash
        self.fileSizeBytes = fileSizeBytes
    }
}
