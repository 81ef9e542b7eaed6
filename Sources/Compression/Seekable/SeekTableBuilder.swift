// SPDX-License-Identifier: Apache-2.0

/// The table of frames that ends a seekable file.
///
/// For whoever puts the frames together; they are added in the order of the file.
package struct SeekTableBuilder: Sendable {
    private var entries: [UInt8] = []

    package init() {}

    /// Notes the next frame; both sizes are below 4 GiB.
    package mutating func add(compressedBytes: Int, inputBytes: Int) {
        entries.append(littleEndian: UInt32(compressedBytes))
        entries.append(littleEndian: UInt32(inputBytes))
    }

    /// The skippable frame with the table, which nothing may follow.
    package func bytes() -> [UInt8] {
        var output: [UInt8] = []
        // 2^29 frames of at least 1 MiB are more than a file can hold, so the length always fits.
        let tableBytes = UInt32(entries.count + SeekableFormat.footerBytes)
        output.append(littleEndian: SeekableFormat.skippableMagic)
        output.append(littleEndian: tableBytes)
        output.append(contentsOf: entries)
        output.append(littleEndian: UInt32(entries.count / SeekableFormat.entryBytes))
        output.append(0)  // No checksums here: every frame ends with its own.
        output.append(littleEndian: SeekableFormat.footerMagic)
        return output
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
