// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Bytes to be compared whole.
///
/// Of two arrays that differ, `#expect` would work out the shortest edit, which takes for ever.
struct Bytes: Equatable, CustomStringConvertible {
    private let content: Data

    init(_ content: some Sequence<UInt8>) {
        self.content = Data(content)
    }

    var description: String {
        "\(content.count) bytes that start with \(content.prefix(16).map { $0 })"
    }
}
