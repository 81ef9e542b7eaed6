// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// `firn key`, as a user runs it.
@Suite struct KeyCommandTests {
    @Test func aKeyPairIsWrittenAndItsPublicKeyPrinted() async throws {
        try await withTemporaryDirectory { folder in
            let made = try await firn(["key", "generate", "host-1", "--out", folder.path])
            try made.requireSuccess()
            let secret = folder.path("host-1.secret")
            let key = try SecretKey(parsing: String(contentsOfFile: secret, encoding: .utf8))
            let publicText = try String(
                contentsOfFile: folder.path("host-1.public"),
                encoding: .utf8
            )
            #expect(made.text == key.publicKey.description)
            #expect(publicText == key.publicKey.description)
            let shown = try await firn(["key", "public", secret])
            #expect(shown.text == made.text)
            let piped = try await firn(["key", "public", "-"], inputPath: secret)
            #expect(piped.text == made.text)
            let mode = try FileManager.default.attributesOfItem(atPath: secret)[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }

    @Test(arguments: ["secret", "public"])
    func noFileIsEverOverwritten(_ suffix: String) async throws {
        try await withTemporaryDirectory { folder in
            let file = try folder.write("precious", to: "host-1.\(suffix)")
            let made = try await firn(["key", "generate", "host-1", "--out", folder.path])
            #expect(made.status == 1)
            #expect(made.errors.contains("\(file): there is such a file already"))
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious")
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(files == ["host-1.\(suffix)"])
        }
    }

    @Test(arguments: ["", "a:b", "a b", "a/b", "../a", ".a"])
    func whatCannotNameAKeyIsWrongUsage(_ name: String) async throws {
        let made = try await firn(["key", "generate", "--out", "/nonexistent", "--", name])
        #expect(made.status == 2)
        #expect(made.errors.split(separator: "\n").count == 1)
    }

    @Test func aFolderThatIsNotThereIsAFailure() async throws {
        let made = try await firn(["key", "generate", "a-1", "--out", "/nonexistent"])
        #expect(made.status == 1)
        #expect(made.errors.contains("/nonexistent/a-1.secret: the key cannot be written: no such"))
    }

    @Test(arguments: [
        ("", "there is no colon"), ("nonsense", "there is no colon"),
        ("name:!!!!", "not base-64"), ("name:AAAA", "3 bytes instead of 64"),
    ])
    func whatIsNoKeyIsRefused(_ text: String, _ reason: String) async throws {
        try await withTemporaryDirectory { folder in
            let file = try folder.write(text, to: "key")
            let shown = try await firn(["key", "public", file])
            #expect(shown.status == 2)
            #expect(shown.errors.hasPrefix("firn: \(file): not a secret key"))
            #expect(shown.errors.contains(reason))
            #expect(shown.errors.split(separator: "\n").count == 1)
        }
    }

    @Test func aFileThatIsNoFileIsRefused() async throws {
        #expect(try await firn(["key", "public", "/nonexistent"]).status == 2)
        #expect(try await firn(["key", "public", "/tmp"]).status == 2)
        #expect(try await firn(["key", "public", "/dev/zero"]).status == 2)
    }

    @Test func nixReadsOurKeysAndWeReadNixes() async throws {
        try await withTemporaryDirectory { folder in
            let (secret, published) = (folder.path("s"), folder.path("p"))
            let made = Command(
                "nix-store",
                ["--generate-binary-cache-key", "nix-1", secret, published]
            )
            try await made.run(deadline: .seconds(30)).requireSuccess()
            let shown = try await firn(["key", "public", secret])
            #expect(shown.text == (try String(contentsOfFile: published, encoding: .utf8)))

            let ours = try await firn(["key", "generate", "ours-1", "--out", folder.path])
            var nix = Command(
                "nix",
                ["--extra-experimental-features", "nix-command", "key", "convert-secret-to-public"]
            )
            nix.environment["HOME"] = folder.path
            nix.inputPath = folder.path("ours-1.secret")
            let converted = try await nix.run(deadline: .seconds(30)).requireSuccess()
            #expect(converted.text == ours.text)
        }
    }
}
