// SPDX-License-Identifier: Apache-2.0

/// A path's `.ls` document as it is sent.
package struct ListingAnswer: Sendable {
    /// The JSON itself.
    package let text: [UInt8]
    /// Strong validator: a hash of the text.
    package let entityTag: String

    init(text: [UInt8]) {
        self.text = text
        entityTag = text.strongEntityTag
    }
}
