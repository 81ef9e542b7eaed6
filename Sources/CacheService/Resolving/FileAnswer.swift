// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What is at a place inside a store path.
package enum FileAnswer: Sendable {
    /// - Shape: `looksLikeText` is told from the first bytes, for files whose name says nothing.
    case file(FileContent, looksLikeText: Bool, entityTag: String)
    /// - Shape: entries in bytewise order of their names.
    case directory(in: StorePath, entries: [Entry], entityTag: String)
    /// A symlink to a path that is served here as well.
    case elsewhere(StorePath, components: [[UInt8]])

    /// One name in a directory.
    package struct Entry: Hashable, Sendable {
        package enum Kind: Hashable, Sendable {
            case regular, directory, symlink
        }

        /// Raw bytes: never empty, without `/` and NUL, in no particular encoding.
        package let name: [UInt8]
        package let kind: Kind

        package init(name: [UInt8], kind: Kind) {
            self.name = name
            self.kind = kind
        }
    }
}
