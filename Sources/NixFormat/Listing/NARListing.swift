// SPDX-License-Identifier: Apache-2.0

/// What is in a NAR and where, without the contents: the `.ls` file of a binary cache.
///
/// - Source: Nix manual, "nix nar ls" with `--json --recursive`.
public struct NARListing: Hashable, Sendable {
    /// One file, directory or symbolic link.
    public struct Node: Hashable, Sendable {
        /// The name in its directory: any bytes but `/` and NUL; empty for the root.
        public let name: [UInt8]
        /// How many directories it lies in; 0 for the root.
        public let depth: Int
        /// What it is.
        public let kind: Kind
    }

    /// What a node is.
    public enum Kind: Hashable, Sendable {
        /// A directory; the nodes after it that lie deeper are in it.
        case directory
        /// A file; the offset is that of its contents in the NAR, `nil` when not told.
        case regular(sizeBytes: UInt64, isExecutable: Bool, narOffset: UInt64?)
        /// A symbolic link, to any bytes.
        case symlink(target: [UInt8])
    }

    /// The root, then everything in it, each directory followed by its entries in byte order.
    ///
    /// A flat array, because trees may be deep and hostile: nothing here recurses.
    public let nodes: [Node]
}
