// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// Firn's keys are Nix's keys, in both directions.
@Suite(.fewAtATime)
struct KeyCommandTests {
    @Test func thePublicKeyOfANixKeyIsTheOneNixWrote() async throws {
        try await withTemporaryDirectory { directory in
            let key = try await TestKey.make(name: "nix.example-1", in: directory)
            let outcome = try await firn(["key", "public", key.secretPath]).requireSuccess()
            #expect(outcome.text == key.publicKey.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    @Test func nixSignsAndChecksWithAKeyOfFirn() async throws {
        try await withTemporaryDirectory { directory in
            let folder = try directory.makeDirectory("keys")
            try await firn(["key", "generate", "firn.example-1", "--out", folder]).requireSuccess()
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            let secret = try #require(
                try names.map { "\(folder)/\($0)" }.first { path in
                    let mode = try FileManager.default.attributesOfItem(atPath: path)
                    return mode[.posixPermissions] as? Int == 0o600
                }
            )
            let publicKey = try await firn(["key", "public", secret]).requireSuccess().text
            #expect(publicKey.hasPrefix("firn.example-1:"))
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                let top = try paths.named("top")
                try await store.run("nix", ["store", "sign", "--key-file", secret, top])
                let trust = ["--option", "trusted-public-keys", publicKey]
                try await store.run("nix", ["store", "verify", "--no-contents"] + trust + [top])
            }
        }
    }

    @Test func anExistingKeyIsNotOverwritten() async throws {
        try await withTemporaryDirectory { directory in
            let folder = try directory.makeDirectory("keys")
            let generate = ["key", "generate", "firn.example-1", "--out", folder]
            try await firn(generate).requireSuccess()
            let before = try contents(of: folder)
            let again = try await firn(generate)
            #expect(again.status != 0)
            #expect(try contents(of: folder) == before)
        }
    }

    private func contents(of folder: String) throws -> [String: [UInt8]] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        return try Dictionary(uniqueKeysWithValues: names.map { ($0, try read("\(folder)/\($0)")) })
    }

    private func firn(_ arguments: [String]) async throws -> CommandOutcome {
        try await Command(FirnServer.programme, arguments).run(deadline: .seconds(30))
    }
}
