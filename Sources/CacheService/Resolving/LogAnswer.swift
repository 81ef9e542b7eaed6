// SPDX-License-Identifier: Apache-2.0

/// The log of a build, always as the text it is, whatever it was kept as.
package struct LogAnswer: Sendable {
    package let content: Content
    /// False for a log that has to be unpacked from its start.
    package let allowsRanges: Bool
    /// The tier that has it: see ``LocalTierName``.
    package var tierName = LocalTierName.store
}
