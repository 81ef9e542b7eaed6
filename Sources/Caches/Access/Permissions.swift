// SPDX-License-Identifier: Apache-2.0

/// What somebody may do with a cache; the numbers are in the file.
package struct Permissions: OptionSet, Hashable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Read what is in it.
    package static let pull = Permissions(rawValue: 1)
    /// Add to it, and see which paths are in it.
    package static let push = Permissions(rawValue: 2)
    /// Remove paths from it.
    package static let delete = Permissions(rawValue: 4)
    /// Create it, change it, delete it, and make tokens for it.
    package static let admin = Permissions(rawValue: 8)

    private static let names: [(name: String, permission: Permissions)] = [
        ("pull", .pull), ("push", .push), ("delete", .delete), ("admin", .admin),
    ]

    /// Reads words, such as `pull` and `push`.
    ///
    /// - Returns: `nil` for no word, or one that is none of them.
    package init?(words: some Sequence<String>) {
        self = []
        for word in words {
            guard let known = Self.names.first(where: { $0.name == word }) else { return nil }
            insert(known.permission)
        }
        if isEmpty { return nil }
    }

    /// In a fixed order.
    package var words: [String] {
        Self.names.filter { contains($0.permission) }.map(\.name)
    }
}
