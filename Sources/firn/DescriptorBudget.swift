// SPDX-License-Identifier: Apache-2.0

/// Who may have how many of this process's descriptors, so that it never runs out of them.
struct DescriptorBudget {
    /// A stream out of the store has the files it reads ahead and the directories above them.
    private static let descriptorsPerStream = 8
    /// A transfer from another cache has its connection and its spool.
    private static let descriptorsPerTransfer = 2
    /// The database, the depot's catalog, sockets, logs.
    private static let fixed = 64

    let streams: Int
    let transfers: Int
    let objects: Int
    /// Those of named caches.
    let members: Int
    let connections: Int

    init(_ descriptors: Int) {
        streams = max(4, min(descriptors / 64, 1_024))
        transfers = max(4, min(descriptors / 64, 512))
        objects = max(4, min(descriptors / 16, 8_192))
        members = max(4, min(descriptors / 32, 2_048))
        let moving =
            streams * Self.descriptorsPerStream + transfers * Self.descriptorsPerTransfer
        let rest = descriptors - moving - objects - members - Self.fixed
        connections = max(16, min(rest, 16_384))
    }
}
