// SPDX-License-Identifier: Apache-2.0
import Foundation
package import NixFormat

/// A store path with its NAR, compressed as a sender does it.
package struct PackedStorePath: Sendable {
    package let narInfo: NARInfo
    package let file: [UInt8]

    package var hash: String { "\(narInfo.storePath.hash)" }
    package var baseName: String { "\(narInfo.storePath)" }
    package var storePath: String { "/nix/store/\(baseName)" }

    /// Packs paths with Nix itself.
    ///
    /// - Parameters:
    ///   - paths: Whatever of the store; with all that they need, dependencies first.
    ///   - store: Where they are.
    ///   - compression: As Nix calls it, `zstd` or `xz`.
    ///   - directory: Where to put the files.
    /// - Returns: All of the closure.
    /// - Throws: When Nix fails, or writes something else.
    package static func pack(
        _ paths: [String],
        of store: TemporaryNixStore,
        as compression: String = "zstd",
        in directory: TemporaryDirectory
    ) async throws -> [PackedStorePath] {
        let folder = directory.path("packed-\(compression)")
        let target = "file://\(folder)?compression=\(compression)"
        // Its own `--store` is where the closure comes from.
        try await store.run("nix", ["copy", "--to", target] + paths)
        return try await store.closure(of: paths).map { path in
            let text = try Data(contentsOf: URL(filePath: "\(folder)/\(path.storeHash).narinfo"))
            let narInfo = try NARInfo(parsing: Array(text), storeDirectory: .standard)
            let file = try Data(contentsOf: URL(filePath: "\(folder)/\(narInfo.url)"))
            return PackedStorePath(narInfo: narInfo, file: Array(file))
        }
    }

    /// Key by key as `cachix` writes it.
    package var narInfoCreate: String {
        let references = narInfo.references.map { "\"\($0)\"" }.joined(separator: ",")
        let deriver = narInfo.deriver.map { "\($0)" } ?? "unknown-deriver"
        return """
            {"cStoreHash":"\(hash)","cStoreSuffix":"\(narInfo.storePath.name)",\
            "cNarHash":"\(narInfo.narHash.text(.nix32))","cNarSize":\(narInfo.narSizeBytes),\
            "cFileHash":"\(SHA256Hasher.hash(file).digestText(.base16))",\
            "cFileSize":\(file.count),"cReferences":[\(references)],\
            "cDeriver":"\(deriver)","cSig":null}
            """
    }
}
