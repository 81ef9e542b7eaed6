// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// A row of a `Catalog`.
package struct CatalogEntry: Hashable, Sendable {
    /// Never used twice, so that an object that comes back is not taken for the one that went.
    package let id: Int64
    package let state: ObjectState
    package let record: CatalogRecord

    package init(id: Int64, state: ObjectState, record: CatalogRecord) {
        self.id = id
        self.state = state
        self.record = record
    }

    package var key: ObjectKey { record.key }
    package var sizeBytes: UInt64 { record.sizeBytes }

    /// What the object and its narinfo take on the disk.
    package var blockBytes: UInt64 {
        DiskBlocks.bytes(record.sizeBytes) + DiskBlocks.bytes(record.narInfoSizeBytes)
    }

    /// What is smallest here goes first; no two are equal.
    package var age: (Int64, UInt64, UInt64, Int64) {
        (record.usedAt, record.sizeBytes, record.narInfoSizeBytes, id)
    }
}

/// What a `Catalog` keeps of one object.
package struct CatalogRecord: Hashable, Sendable {
    package var key: ObjectKey
    package var sizeBytes: UInt64
    /// `nil` when nobody has computed it since the catalog was rebuilt.
    package var fileHash: NixHash?
    /// The length of the path's narinfo when it names this object; else 0.
    package var narInfoSizeBytes: UInt64
    /// Microseconds of Unix time.
    package var usedAt: Int64
    /// Whether it is there for members of caches alone: in the merged view it is not.
    package var isClosed: Bool

    package init(
        key: ObjectKey,
        sizeBytes: UInt64,
        fileHash: NixHash?,
        narInfoSizeBytes: UInt64,
        usedAt: Int64,
        isClosed: Bool = false
    ) {
        self.key = key
        self.sizeBytes = sizeBytes
        self.fileHash = fileHash
        self.narInfoSizeBytes = narInfoSizeBytes
        self.usedAt = usedAt
        self.isClosed = isClosed
    }
}

/// What a row says about its object; the numbers are in the file.
package enum ObjectState: Int, Sendable {
    /// Complete, and shown.
    case present = 0
    /// About to get its name: at the next start, shown when all of it is there, else forgotten.
    case arriving = 1
    /// About to be removed: at the next start, removed.
    case departing = 2
}

/// What files take on a disk: whole blocks of 4096 bytes, as on nearly every file system.
package enum DiskBlocks {
    package static func bytes(_ sizeBytes: UInt64) -> UInt64 { (sizeBytes + 4095) & ~4095 }
}
