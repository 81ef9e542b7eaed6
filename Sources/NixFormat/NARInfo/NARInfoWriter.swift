// SPDX-License-Identifier: Apache-2.0

extension NARInfo {
    /// The text of the narinfo, in the order of fields that Nix writes.
    ///
    /// Byte-equal to Nix's own when every field is there and references and signatures are sorted.
    public func write(in directory: StoreDirectory) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(512 + references.count * 64 + signatures.count * 128)
        output.append(contentsOf: "StorePath: ".utf8)
        directory.write(storePath, to: &output)
        Self.append("\nURL: ", url, to: &output)
        Self.append("\nCompression: ", compression.description, to: &output)
        if let fileHash {
            output.append(contentsOf: "\nFileHash: ".utf8)
            fileHash.write(to: &output)
        }
        if let fileSizeBytes { Self.append("\nFileSize: ", "\(fileSizeBytes)", to: &output) }
        output.append(contentsOf: "\nNarHash: ".utf8)
        narHash.write(to: &output)
        Self.append("\nNarSize: ", "\(narSizeBytes)", to: &output)
        appendReferences(to: &output)
        if let deriver {
            output.append(contentsOf: "\nDeriver: ".utf8)
            deriver.write(to: &output)
        }
        for signature in signatures {
            output.append(contentsOf: "\nSig: ".utf8)
            signature.write(to: &output)
        }
        if let contentAddress { Self.append("\nCA: ", contentAddress, to: &output) }
        for field in unknownFields { Self.append("\n\(field.name): ", field.value, to: &output) }
        output.append(0x0A)
        return output
    }

    /// The text of the narinfo.
    public func text(in directory: StoreDirectory) -> String {
        String(decoding: write(in: directory), as: UTF8.self)
    }

    private func appendReferences(to output: inout [UInt8]) {
        output.append(contentsOf: "\nReferences:".utf8)
        if references.isEmpty { output.append(0x20) }
        for reference in references {
            output.append(0x20)
            reference.write(to: &output)
        }
    }

    private static func append(_ name: String, _ value: String, to output: inout [UInt8]) {
        output.append(contentsOf: name.utf8)
        output.append(contentsOf: value.utf8)
    }
}
