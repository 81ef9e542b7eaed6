// SPDX-License-Identifier: Apache-2.0

/// Which path an output of a derivation was built to, in the scheme of Nix 2.35 and later.
///
/// A cache keeps it as `build-trace-v2/DERIVATION/OUTPUT.doi`; the file does not repeat what its
/// own name says, but the signature covers it.
///
/// - Shape: JSON with sorted fields: `outPath`, `signatures`.
/// - Source: Nix manual, "Build Trace Entry", version 3.
public struct BuildTraceEntry: Hashable, Sendable {
    /// Whose output.
    public var derivation: StorePath
    /// Which output; `out` for most.
    public var outputName: String
    /// The path it was built to.
    public var outPath: StorePath
    /// Who vouches for it.
    public var signatures: [Signature]

    /// Describes an output.
    public init(
        derivation: StorePath,
        outputName: String,
        outPath: StorePath,
        signatures: [Signature] = []
    ) {
        self.derivation = derivation
        self.outputName = outputName
        self.outPath = outPath
        self.signatures = signatures
    }

    /// Reads a `.doi` file; unknown fields are passed over.
    ///
    /// - Parameters:
    ///   - bytes: The file; signatures may be objects, or text as up to Nix 2.34.
    ///   - derivation: The folder that the file was in.
    ///   - outputName: The file's name without `.doi`.
    /// - Throws: ``RealisationParseError``, whose offsets count from the start of the file.
    public init(
        parsing bytes: [UInt8],
        derivation: StorePath,
        outputName: String
    ) throws(RealisationParseError) {
        guard OutputName.isValid(outputName) else {
            throw .invalidID(.invalidOutputName(outputName), byteOffset: 0)
        }
        var reader = RealisationReader(bytes)
        var outPath: StorePath?
        var signatures: [Signature] = []
        try reader.object { reader, name throws(RealisationParseError) in
            switch name {
            case "outPath": outPath = try reader.storePath()
            case "signatures": signatures = try reader.signatures()
            default: try reader.skip()
            }
        }
        try reader.end()
        guard let outPath else { throw reader.missing("outPath", at: 0) }
        self.init(
            derivation: derivation,
            outputName: outputName,
            outPath: outPath,
            signatures: signatures
        )
    }

    /// The bytes of the `.doi` file.
    public func write() -> [UInt8] {
        var output = Array(#"{"outPath":"#.utf8)
        JSONWriter.append(outPath.description, to: &output)
        output.append(contentsOf: #","signatures":["#.utf8)
        for (index, signature) in signatures.enumerated() {
            if index > 0 { output.append(0x2C) }
            output.append(contentsOf: #"{"keyName":"#.utf8)
            JSONWriter.append(signature.keyName, to: &output)
            output.append(contentsOf: #","sig":"#.utf8)
            JSONWriter.append(Base64.encode(signature.bytes), to: &output)
            output.append(0x7D)
        }
        output.append(contentsOf: "]}".utf8)
        return output
    }

    /// What a signature covers: the key that the file leaves out, and the path.
    public var fingerprint: [UInt8] {
        var output = Array(#"{"key":{"drvPath":"#.utf8)
        JSONWriter.append(derivation.description, to: &output)
        output.append(contentsOf: #","outputName":"#.utf8)
        JSONWriter.append(outputName, to: &output)
        output.append(contentsOf: #"},"value":{"outPath":"#.utf8)
        JSONWriter.append(outPath.description, to: &output)
        output.append(contentsOf: "}}".utf8)
        return output
    }
}
