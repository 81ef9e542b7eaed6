// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport

/// A NAR of the store, with the narinfo that Nix would send.
struct SentSample {
    let nar: [UInt8]
    let target: String
    let narInfoTarget: String
    var narInfo: String

    init(_ setup: PushSetup, _ path: String) async throws {
        nar = try await setup.store.nar(of: path)
        let query = ["--query", "--hash", path]
        let hash = try await setup.store.run("nix-store", query).text
        let references = try await setup.store.run("nix-store", ["-q", "--references", path])
            .lines.map(\.storeBaseName).joined(separator: " ")
        let digest = hash.replacing("sha256:", with: "")
        target = "/team/nar/\(digest).nar"
        narInfoTarget = "/team/\(path.storeHash).narinfo"
        narInfo = """
            StorePath: \(path)
            URL: nar/\(digest).nar
            Compression: none
            FileHash: \(hash)
            FileSize: \(nar.count)
            NarHash: \(hash)
            NarSize: \(nar.count)
            References: \(references)

            """
    }
}
