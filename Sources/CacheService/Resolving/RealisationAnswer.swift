// SPDX-License-Identifier: Apache-2.0

/// A `.doi` file as it is sent, in either scheme.
package struct RealisationAnswer: Sendable {
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
