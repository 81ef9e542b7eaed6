// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What the depot knows of an object that it keeps.
package struct ObjectInfo: Hashable, Sendable {
    package let key: ObjectKey
    /// The file's length: what a narinfo calls `FileSize`.
    package let sizeBytes: UInt64
    /// SHA-256 of the file: what a narinfo calls `FileHash`.
    ///
    /// Equal to `key.narHash` for `.identity`.
    package let fileHash: NixHash

    package init(key: ObjectKey, sizeBytes: UInt64, fileHash: NixHash) {
        self.key = key
        self.sizeBytes = sizeBytes
        self.fileHash = fileHash
    }
}
