// SPDX-License-Identifier: Apache-2.0

/// A NAR that can be sent, in the form that was asked for.
package struct NARAnswer: Sendable {
    package let content: Content
    /// Strong validator: the NAR's hash and the form; `nil` where the bytes are not the same each time.
    package let entityTag: String?
    /// False only while a compressed NAR is being made for this very answer.
    package let allowsRanges: Bool
    /// Where its bytes come from: see ``LocalTierName``.
    package let tierName: String
}
