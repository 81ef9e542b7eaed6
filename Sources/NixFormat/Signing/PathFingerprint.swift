// SPDX-License-Identifier: Apache-2.0

/// What the signature of a store path covers.
///
/// URL, Compression, FileHash, FileSize, Deriver and CA are not in it: a cache may rewrite them.
///
/// - Shape: `1;STOREPATH;NARHASH;NARSIZE;REFERENCES`, references sorted and joined by commas.
public enum PathFingerprint {
    /// The bytes to sign or to verify; the references may come in any order, and repeat.
    public static func bytes(
        storePath: StorePath,
        narHash: NixHash,
        narSizeBytes: UInt64,
        references: [StorePath],
        in directory: StoreDirectory
    ) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(256 + references.count * 96)
        output.append(contentsOf: "1;".utf8)
        directory.write(storePath, to: &output)
        output.append(0x3B)
        narHash.write(to: &output)
        output.append(contentsOf: ";\(narSizeBytes);".utf8)
        var previous: StorePath?
        for reference in references.sorted() where reference != previous {
            if previous != nil { output.append(0x2C) }
            directory.write(reference, to: &output)
            previous = reference
        }
        return output
    }
}
