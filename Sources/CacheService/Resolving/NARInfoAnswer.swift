// SPDX-License-Identifier: Apache-2.0
package import NixStore
package import Synchronization

/// A narinfo as it is sent, with what it was made from.
package final class NARInfoAnswer: Sendable {
    package let info: PathInfo
    /// The narinfo itself.
    package let text: [UInt8]
    /// Strong validator: a hash of the text.
    package let entityTag: String
    /// Version of the key set that signed it.
    let keysVersion: UInt64
    /// The object its URL names, or `nil` for the NAR as it is.
    let offersCompressed: Bool
    /// Room for whoever sends this answer to keep what it made of it; forgotten together with it.
    package let wireForm = Mutex<(any Sendable)?>(nil)

    init(
        info: PathInfo,
        text: [UInt8],
        entityTag: String,
        keysVersion: UInt64,
        offersCompressed: Bool
    ) {
        self.info = info
        self.text = text
        self.entityTag = entityTag
        self.keysVersion = keysVersion
        self.offersCompressed = offersCompressed
    }
}
