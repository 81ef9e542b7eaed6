// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// The closure as another cache offers it: signed narinfos that name a `.nar.zst` and its hash.
struct TierSite {
    let nginx: NginxSite

    static func lay(
        out files: ClosureFiles,
        like server: FirnServer,
        in directory: TemporaryDirectory
    ) async throws -> TierSite {
        let folder = try directory.makeDirectory("origin")
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder)/nar",
            withDestinationPath: files.folder
        )
        let hashes = try await fileHashes(files)
        let texts = try await copyNARInfos(of: files.paths.map(\.storePath), server.port, folder)
        for ((path, hash), text) in zip(zip(files.paths, hashes), texts) {
            let replaced = ["URL:", "Compression:", "FileHash:", "FileSize:"]
            let kept = text.split(separator: "\n").filter { line in
                !replaced.contains { line.hasPrefix($0) }
            }
            let own = [
                "URL: nar/\(path.fileName(.zstd))", "Compression: zstd",
                "FileHash: sha256:\(hash)", "FileSize: \(path.zstdSizeBytes)",
            ]
            let lines = kept.prefix(1).map(String.init) + own + kept.dropFirst().map(String.init)
            let whole = lines.map { "\($0)\n" }.joined()
            let file = "\(folder)/\(path.storePath.storeHash).narinfo"
            try Data(whole.utf8).write(to: URL(filePath: file))
        }
        return TierSite(nginx: NginxSite(folder: folder))
    }

    /// Writes a Firn's narinfos and `nix-cache-info` as files.
    ///
    /// - Returns: The texts of the narinfos.
    @discardableResult
    static func copyNARInfos(
        of paths: [String],
        _ port: UInt16,
        _ folder: String
    ) async throws -> [String] {
        let names = paths.map { "\($0.storeHash).narinfo" } + ["nix-cache-info"]
        let texts = try await getTexts(names.map { "/\($0)" }, port: port)
        for (name, text) in zip(names, texts) {
            try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        }
        return texts.dropLast()
    }

    private static func fileHashes(_ files: ClosureFiles) async throws -> [String] {
        let names = files.paths.map { "\(files.folder)/\($0.fileName(.zstd))" }
        let arguments = ["--type", "sha256", "--base32", "--flat"] + names
        return try await Command("nix-hash", arguments).run(deadline: .seconds(120))
            .requireSuccess().lines
    }
}
