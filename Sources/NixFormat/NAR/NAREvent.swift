// SPDX-License-Identifier: Apache-2.0

/// One step through a NAR, in the order of its bytes.
public enum NAREvent: Hashable, Sendable {
    /// A directory starts; its entries follow, sorted by name.
    case beginDirectory
    /// The next entry of the current directory; its node follows.
    case beginEntry(name: [UInt8])
    /// The current entry is complete.
    case endEntry
    /// The current directory is complete.
    case endDirectory
    /// A regular file starts; the offset is where its contents lie in the NAR.
    case beginRegularFile(isExecutable: Bool, contentSizeBytes: UInt64, narOffset: UInt64)
    /// The next bytes of the file: these positions of the piece that was handed in.
    ///
    /// Never empty; an empty file has none.
    case contents(Range<Int>)
    /// The current file is complete.
    case endRegularFile
    /// A whole symbolic link.
    case symlink(target: [UInt8])
    /// The NAR is complete.
    case end
}
