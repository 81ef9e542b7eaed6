// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing
import firn

@Suite struct TierSecretsTests {
    private static func read(
        _ key: WritableKeyPath<TierSettings, TierSettings.NamedFile?>,
        _ path: String,
        credentialsFolder: String? = nil
    ) throws -> TierSecrets.Outcome {
        var tier = TierSettings()
        tier[keyPath: key] = TierSettings.NamedFile(
            path: path,
            origin: .file(path: "firn.toml", line: 7)
        )
        return try TierSecrets.read(for: tier, credentialsFolder: credentialsFolder)
    }

    @Test func aTierWithoutFilesHasNone() throws {
        let outcome = try TierSecrets.read(for: TierSettings(), credentialsFolder: nil)
        #expect(outcome.secrets == .none)
        #expect(outcome.warnings.isEmpty)
    }

    @Test func aTokenIsOneWordAndALineEnd() async throws {
        try await withTemporaryDirectory { folder in
            let file = try folder.write("eyJ0.x-y_z=\n", to: "token", mode: 0o600)
            let outcome = try Self.read(\.tokenFile, file)
            #expect(outcome.secrets == .token("eyJ0.x-y_z="))
            #expect(outcome.warnings.isEmpty)
            #expect("\(outcome.secrets)" == "token")
            #expect(!String(reflecting: outcome).contains("eyJ0"))
        }
    }

    @Test func aNetrcFileIsTakenAsItIs() async throws {
        try await withTemporaryDirectory { folder in
            let text = "machine x.cachix.org password abc\n"
            let file = try folder.write(text, to: "netrc", mode: 0o600)
            #expect(try Self.read(\.netrc, file).secrets == .netrc(text))
        }
    }

    @Test func aSecretThatEverybodyCanReadIsWarnedAbout() async throws {
        try await withTemporaryDirectory { folder in
            let file = try folder.write("t", to: "token", mode: 0o644)
            #expect(
                try Self.read(\.tokenFile, file).warnings
                    == ["\(file): every user can read this secret; chmod 600 \(file)"]
            )
            let guarded = try Self.read(\.tokenFile, file, credentialsFolder: folder.path)
            #expect(guarded.warnings.isEmpty)
        }
    }

    @Test func aFileThatCannotBeUsedIsToldWithItsLine() async throws {
        try await withTemporaryDirectory { folder in
            let cases = [
                (folder.path("gone"), "cannot be read: no such file or directory"),
                (folder.path, "cannot be read: is a directory"),
                (try folder.write(" \n", to: "empty"), "is empty"),
                (try folder.write("a b", to: "two"), "has more than one word in it"),
                (try folder.write("a\u{7F}", to: "odd"), "or characters no token has"),
                (
                    try folder.write(String(repeating: "a", count: 70_000), to: "large"),
                    "is larger than 65536 bytes"
                ),
            ]
            for (path, reason) in cases {
                let error = #expect(throws: ConfigurationError.self) {
                    try Self.read(\.tokenFile, path)
                }
                let message = error?.description ?? ""
                #expect(message.hasPrefix("firn.toml:7: tier.token-file: the file \(path) "))
                #expect(message.hasSuffix(reason) || message.contains(reason), "\(message)")
            }
            let words = try folder.write("hello", to: "words")
            let error = #expect(throws: ConfigurationError.self) { try Self.read(\.netrc, words) }
            #expect(
                error?.description
                    == "firn.toml:7: tier.netrc: the file \(words) has no entry of a machine in it"
            )
        }
    }
}
