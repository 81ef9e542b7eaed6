// SPDX-License-Identifier: Apache-2.0

/// A name for several hosts, written `@laptop` where hosts are chosen.
///
/// - Shape: as of a ``HostName``, without the `@`.
package struct HostTag: Hashable, Sendable {
    private let text: String

    package init(parsing text: some StringProtocol) throws(HostName.ParseError) {
        self.text = try HostName(parsing: text).description
    }
}

extension HostTag: CustomStringConvertible, Comparable {
    package var description: String { text }

    package static func < (left: HostTag, right: HostTag) -> Bool { left.text < right.text }
}
