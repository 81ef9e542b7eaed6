// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
package import Synchronization

/// A narinfo as it is sent.
package final class NARInfoAnswer: Sendable {
    /// The narinfo itself.
    package let text: [UInt8]
    /// Strong validator: a hash of the text.
    package let entityTag: String
    /// The tier that has the path: `store`, `depot`, or the name of another cache.
    package let tierName: String
    /// Room for whoever sends this answer to keep what it made of it; forgotten together with it.
    package let wireForm = Mutex<(any Sendable)?>(nil)

    init(_ narInfo: NARInfo, in directory: StoreDirectory, from tierName: String) {
        text = narInfo.write(in: directory)
        var hasher = SHA256Hasher()
        hasher.update(text)
        entityTag = String(hasher.finalize().text(.nix32).suffix(52))
        self.tierName = tierName
    }
}

/// The answer for a path of the store, with what it was made from.
struct StoreAnswer: Sendable {
    let info: PathInfo
    let answer: NARInfoAnswer
    /// Version of the key set that signed it.
    let keysVersion: UInt64
    /// The object its URL names, or `nil` for the NAR as it is.
    let offersCompressed: Bool
}

/// What tiers on this machine are called, beside the names that the configuration gives to others.
package enum LocalTierName {
    package static let store = "store"
    package static let depot = "depot"
}
