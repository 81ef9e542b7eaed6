// SPDX-License-Identifier: Apache-2.0

extension Realisation {
    /// Reads a `.doi` file under `realisations/`; unknown fields are passed over.
    public init(parsing bytes: [UInt8]) throws(RealisationParseError) {
        var reader = RealisationReader(bytes)
        var id: DerivationOutputID?
        var outPath: StorePath?
        var signatures: [Signature] = []
        var dependencies: [DerivationOutputID: StorePath] = [:]
        try reader.object { reader, name throws(RealisationParseError) in
            switch name {
            case "id": id = try reader.id()
            case "outPath": outPath = try reader.storePath()
            case "signatures": signatures = try reader.signatures()
            case "dependentRealisations":
                try reader.object { reader, name throws(RealisationParseError) in
                    let dependency = try reader.id(parsing: name)
                    dependencies[dependency] = try reader.storePath()
                }
            default: try reader.skip()
            }
        }
        try reader.end()
        guard let id else { throw reader.missing("id", at: 0) }
        guard let outPath else { throw reader.missing("outPath", at: 0) }
        self.init(
            id: id,
            outPath: outPath,
            signatures: signatures,
            dependentRealisations: dependencies
        )
    }
}
