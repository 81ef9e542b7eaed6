// SPDX-License-Identifier: Apache-2.0

/// A path's `.ls` document as it is sent.
package struct ListingAnswer: Sendable {
    /// The JSON itself.
    package let text: [UInt8]
    /// Strong validator: a hash of the text.
    package let entityTag: String
    /// The tier that has it: see ``LocalTierName``.
    package let tierName: String

    init(text: [UInt8], from tierName: String = LocalTierName.store) {
        self.tierName = tierName
        self.text = text
        entityTag = text.strongEntityTag
    }
}
