// SPDX-License-Identifier: Apache-2.0

/// Where a depot is and how much it may hold.
package struct DepotConfiguration: Hashable, Sendable {
    /// A directory of the depot's own; it is made, with mode 0700, when it is missing.
    package var directory: String
    /// What the objects may take on the disk at any moment, unfinished ones included.
    ///
    /// Each object counts as whole blocks of 4096 bytes. The catalog, some 400 bytes an object,
    /// does not count.
    package var maximumSizeBytes: UInt64

    package init(directory: String, maximumSizeBytes: UInt64) {
        self.directory = directory
        self.maximumSizeBytes = maximumSizeBytes
    }
}
