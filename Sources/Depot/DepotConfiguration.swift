// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Where a depot is and how much it may hold.
package struct DepotConfiguration: Hashable, Sendable {
    /// A directory of the depot's own; it is made, with mode 0700, when it is missing.
    package var directory: String
    /// What users call it; `nil` for the directory's path.
    package var name: String?
    /// What the depot may take on the disk at any moment: objects and narinfos, unfinished ones
    /// included, and spools.
    ///
    /// Each file counts as whole blocks of 4096 bytes. The catalog, some 400 bytes an object,
    /// does not count.
    package var maximumSizeBytes: UInt64
    /// The store whose paths are kept.
    package var storeDirectory: StoreDirectory
    /// Where the index over it lies.
    package var catalog = CatalogLocation.sqlite
    /// How long an upload that may go on is kept when nothing more comes.
    package var partialLifetimeSeconds: Int64 = 86_400

    package init(
        directory: String,
        maximumSizeBytes: UInt64,
        storeDirectory: StoreDirectory = .standard
    ) {
        self.directory = directory
        self.maximumSizeBytes = maximumSizeBytes
        self.storeDirectory = storeDirectory
    }
}
