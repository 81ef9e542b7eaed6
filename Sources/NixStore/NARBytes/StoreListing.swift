// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixFormat

/// Lists the files of a path by looking at them, without reading their contents.
enum StoreListing {
    /// - Returns: The listing, and the size that its NAR has by these files.
    /// - Throws: ``TreeFailure``.
    static func make(root: String) throws -> (listing: NARListing, narSizeBytes: UInt64) {
        var cursor = TreeCursor(root: root)
        var builder = NARListingBuilder()
        try addNode(cursor: &cursor, to: &builder)
        while !cursor.isAtRoot {
            if cursor.advance() {
                builder.beginEntry(name: unsafe cursor.withNameBytes { unsafe Array($0) })
                try addNode(cursor: &cursor, to: &builder)
            } else {
                try cursor.leave()
                builder.endDirectory()
                if !cursor.isAtRoot { builder.endEntry() }
            }
        }
        let size = builder.narSizeBytes
        return (builder.finish(), size)
    }

    private static func addNode(
        cursor: inout TreeCursor,
        to builder: inout NARListingBuilder
    ) throws {
        switch try cursor.kind() {
        case .directory:
            try cursor.enter()
            return builder.beginDirectory()
        case .regular:
            let status = try cursor.status()
            builder.regularFile(
                isExecutable: status.st_mode & S_IXUSR != 0,
                sizeBytes: UInt64(status.st_size)
            )
        case .symlink:
            builder.symlink(target: try cursor.linkTarget())
        }
        if !cursor.isAtRoot { builder.endEntry() }
    }
}
