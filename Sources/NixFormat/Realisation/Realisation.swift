// SPDX-License-Identifier: Apache-2.0

/// Which path a content-addressed output was built to, in the scheme of Nix up to 2.34.
///
/// A cache keeps it as `realisations/ID.doi`.
///
/// - Shape: JSON with sorted fields: `dependentRealisations`, `id`, `outPath`, `signatures`.
public struct Realisation: Hashable, Sendable {
    /// Which output.
    public var id: DerivationOutputID
    /// The path it was built to.
    public var outPath: StorePath
    /// Who vouches for it, as `NAME:BASE64`.
    public var signatures: [Signature]
    /// The outputs that it was built with; Nix 2.32 and later leave it empty.
    public var dependentRealisations: [DerivationOutputID: StorePath]

    /// Describes an output.
    public init(
        id: DerivationOutputID,
        outPath: StorePath,
        signatures: [Signature] = [],
        dependentRealisations: [DerivationOutputID: StorePath] = [:]
    ) {
        self.id = id
        self.outPath = outPath
        self.signatures = signatures
        self.dependentRealisations = dependentRealisations
    }

    /// The bytes of the `.doi` file.
    public func write() -> [UInt8] { json(withSignatures: true) }

    /// What a signature covers: everything but the signatures.
    public var fingerprint: [UInt8] { json(withSignatures: false) }

    private func json(withSignatures: Bool) -> [UInt8] {
        var output: [UInt8] = []
        output.append(contentsOf: #"{"dependentRealisations":{"#.utf8)
        var isFirst = true
        for (id, path) in dependentRealisations.sorted(by: { $0.key < $1.key }) {
            if !isFirst { output.append(0x2C) }
            isFirst = false
            JSONWriter.append(id.description, to: &output)
            output.append(0x3A)
            JSONWriter.append(path.description, to: &output)
        }
        output.append(contentsOf: #"},"id":"#.utf8)
        JSONWriter.append(id.description, to: &output)
        output.append(contentsOf: #","outPath":"#.utf8)
        JSONWriter.append(outPath.description, to: &output)
        if withSignatures {
            output.append(contentsOf: #","signatures":["#.utf8)
            for (index, signature) in signatures.enumerated() {
                if index > 0 { output.append(0x2C) }
                JSONWriter.append(signature.description, to: &output)
            }
            output.append(0x5D)
        }
        output.append(0x7D)
        return output
    }
}
