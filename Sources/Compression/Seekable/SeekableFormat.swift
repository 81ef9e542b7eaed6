// SPDX-License-Identifier: Apache-2.0

/// The numbers of the zstd seekable format, version 0.1.0.
///
/// - Source: zstd, `contrib/seekable_format/zstd_seekable_compression_format.md`.
enum SeekableFormat {
    /// Begins the skippable frame that holds the table.
    static let skippableMagic: UInt32 = 0x184D_2A5E
    /// Ends the table, and with it the file.
    static let footerMagic: UInt32 = 0x8F92_EAB1
    /// Magic number and length in front of the table.
    static let headerBytes = 8
    /// Number of frames, descriptor and magic number at the end.
    static let footerBytes = 9
    /// Compressed and decompressed size of a frame.
    static let entryBytes = 8
    /// What each entry has more when the table holds checksums.
    static let checksumBytes = 4
    /// Set in the descriptor when the table holds checksums.
    static let checksumFlag: UInt8 = 0x80
    /// Bits of the descriptor that must be zero; the two lowest may be anything.
    static let reservedBits: UInt8 = 0x7C
}
