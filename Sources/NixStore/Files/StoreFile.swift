// SPDX-License-Identifier: Apache-2.0

/// What was found at a place inside a store path.
package enum StoreFile: Sendable {
    case regular(OpenFile, isExecutable: Bool)
    /// Names in bytewise order, as raw bytes.
    case directory([StoreFileEntry])
    /// A symlink that leads out of the store path, so it was not followed.
    case symlinkOutside(target: [UInt8])
}

/// One name in a directory of a store path.
package struct StoreFileEntry: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case regular, directory, symlink
    }

    package let name: [UInt8]
    package let kind: Kind

    package init(name: [UInt8], kind: Kind) {
        self.name = name
        self.kind = kind
    }
}
