// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// A signing key that Nix made.
struct TestKey: Sendable {
    let name: String
    let secretPath: String
    /// As in `trusted-public-keys`.
    let publicKey: String

    static func make(name: String, in directory: TemporaryDirectory) async throws -> TestKey {
        let secretPath = directory.path("\(name).secret")
        let publicPath = directory.path("\(name).public")
        let arguments = ["--generate-binary-cache-key", name, secretPath, publicPath]
        let home = NixClient.isolatedEnvironment(home: directory.path)
        let command = Command("nix-store", arguments, environment: home)
        try await command.run(deadline: .seconds(30)).requireSuccess()
        return TestKey(
            name: name,
            secretPath: secretPath,
            publicKey: try String(contentsOfFile: publicPath, encoding: .utf8)
        )
    }
}
