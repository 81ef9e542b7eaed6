// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import FirnTestSupport
import Foundation
import Testing

/// What is computed is what Nix itself says, for the Nixes that this machine has.
@Suite struct RealNixSettingsTests {
    private static let clients = NixClient.all.filter { $0.whatIsMissing == nil }

    @Test(arguments: clients)
    func effectiveSettingsAreThoseOfNix(_ client: NixClient) async throws {
        for seed in 0..<25 as Range<UInt64> {
            try await withTemporaryDirectory { directory in
                var conf = RandomConf(random: SeededRandom(seed: seed))
                let system = directory.path("etc/nix.conf")
                let user = directory.path("user.conf")
                try directory.makeDirectory("etc")
                try write(conf.text(), to: directory.path("etc/inc.conf"))
                try write(conf.text(including: ["etc/inc.conf"]), to: user)
                try write(conf.text(including: ["inc.conf"]), to: system)
                let ours = try ConfReader.settings(of: [system, user]) { path in
                    FileManager.default.contents(atPath: path).map { .bytes(Array($0)) } ?? .missing
                }
                let theirs = try await settings(client, directory, user: user)
                for list in [ClientSettings.List.substituters, .trustedPublicKeys] {
                    #expect(
                        ours[list] == theirs[list.rawValue],
                        "\(list.rawValue) of seed \(seed) in \(client)"
                    )
                }
            }
        }
    }

    private func settings(
        _ client: NixClient,
        _ directory: TemporaryDirectory,
        user: String
    ) async throws -> [String: [String]] {
        var environment = NixClient.isolatedEnvironment(home: directory.path)
        environment["NIX_CONF_DIR"] = directory.path("etc")
        environment["NIX_USER_CONF_FILES"] = user
        // Whichever of the two words this version has.
        let flags = ["--extra-experimental-features", "nix-command"]
        for words in [["config", "show"], ["show-config"]] {
            let outcome = try await client.command(
                "nix",
                flags + words + ["--json"],
                environment: environment
            ).run(deadline: .seconds(30))
            guard outcome.status == 0 else { continue }
            let all = try #require(
                try JSONSerialization.jsonObject(with: Data(outcome.output)) as? [String: Any]
            )
            return all.compactMapValues { ($0 as? [String: Any])?["value"] as? [String] }
        }
        Issue.record("\(client) shows no settings")
        return [:]
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }
}
