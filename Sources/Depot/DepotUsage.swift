// SPDX-License-Identifier: Apache-2.0

/// How full a depot is at one moment.
package struct DepotUsage: Hashable, Sendable {
    /// How many objects can be found.
    package let objects: Int
    /// What complete objects and their narinfos take on the disk, in whole blocks; removed objects
    /// that are still being read are included.
    package let sizeBytes: UInt64
    /// What unfinished objects and spools take or have reserved, in whole blocks.
    package let pendingSizeBytes: UInt64
    /// The configured bound on the sum of the two.
    package let maximumSizeBytes: UInt64

    package init(
        objects: Int,
        sizeBytes: UInt64,
        pendingSizeBytes: UInt64,
        maximumSizeBytes: UInt64
    ) {
        self.objects = objects
        self.sizeBytes = sizeBytes
        self.pendingSizeBytes = pendingSizeBytes
        self.maximumSizeBytes = maximumSizeBytes
    }
}
