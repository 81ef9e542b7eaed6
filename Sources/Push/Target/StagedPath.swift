// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// A path whose NAR was read, verified and compressed.
package struct PackedPath: Hashable, Sendable {
    package let info: PathInfo
    /// Of the compressed bytes; `nil` where nobody wants it.
    package let fileHash: NixHash?
    package let fileSizeBytes: UInt64

    package init(info: PathInfo, fileHash: NixHash?, fileSizeBytes: UInt64) {
        self.info = info
        self.fileHash = fileHash
        self.fileSizeBytes = fileSizeBytes
    }
}

/// A small NAR, packed, with its bytes.
package struct SmallNAR: Sendable {
    /// The longest NAR that is small.
    package static let maximumNARBytes: UInt64 = 4 << 20

    package let packed: PackedPath
    package let bytes: [UInt8]

    package init(packed: PackedPath, bytes: [UInt8]) {
        self.packed = packed
        self.bytes = bytes
    }
}

/// A path whose NAR is there and which nobody sees yet.
package struct StagedPath: Hashable, Sendable {
    /// How its NAR got there.
    package enum Way: Hashable, Sendable {
        case bundle
        case upload(PushUpload, receipts: [PartReceipt])
        /// It was there, and has been proved to be here as well.
        case proof
    }

    package let packed: PackedPath
    package let way: Way

    package init(_ packed: PackedPath, by way: Way) {
        self.packed = packed
        self.way = way
    }

    package var info: PathInfo { packed.info }

    var upload: PushUpload? {
        switch way {
        case .upload(let upload, _): upload
        case .bundle, .proof: nil
        }
    }
}
