// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// What `firn serve` says before it listens; what it serves is for the end-to-end tests.
@Suite struct ServeCommandTests {
    @Test func aSoundConfigurationIsPrintedAsItIsInForce() async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("root/nix/store")
            let key = try SecretKey.generate(name: "k-1").secretText()
            try folder.write(key, to: "key", mode: 0o600)
            let file = try folder.write(
                "[store]\nroot = \"root\"\n[signing]\nkeys = [\"key\"]\n",
                to: "firn.toml"
            )
            let check = try await firn(
                ["serve", "--config", file, "--listen", "127.0.0.1:80", "--check"],
                environment: ["FIRN_PRIORITY": "10"]
            )
            try check.requireSuccess()
            #expect(check.errors.isEmpty)
            #expect(check.lines.first == "configuration is valid (\(file))")
            #expect(check.lines.contains("server.listen = [\"127.0.0.1:80\"]"))
            #expect(check.lines.contains("server.priority = 10"))
            #expect(check.lines.contains("store.root = \"\(folder.path("root"))\""))
        }
    }

    @Test func theCheckMakesNothing() async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("nix/store")
            let check = try await firn(
                ["serve", "--store", folder.path, "--check"],
                environment: ["FIRN_STATE": folder.path("state")]
            )
            try check.requireSuccess()
            #expect(check.errors.contains("the first start makes \(folder.path("state"))"))
            #expect(!FileManager.default.fileExists(atPath: folder.path("state")))
        }
    }

    @Test(arguments: [
        (["--config", "/gone.toml"], "firn: /gone.toml: there is no such file, but --config"),
        (["--listen", "x"], "firn: --listen: server.listen takes an array of addresses"),
        (["--store", "/gone"], "firn: /gone: there is no nix/store below it"),
        (["--key", "/gone"], "firn: /gone: the key cannot be read: no such file"),
        (["--lisen", "x:1"], "firn: Unknown option '--lisen'. Did you mean '--listen'?"),
        (["stray"], "firn: Unexpected argument 'stray'"),
    ])
    func aMistakeIsOneLineAndTwo(_ arguments: [String], _ start: String) async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("nix/store")
            let check = try await firn(
                ["serve", "--check"] + arguments,
                environment: ["FIRN_STORE_ROOT": folder.path, "FIRN_STATE": folder.path]
            )
            #expect(check.status == 2)
            #expect(check.errors.hasPrefix(start), "\(check.errors)")
            #expect(check.errors.split(separator: "\n").count == 1)
            #expect(check.output.isEmpty)
        }
    }

    @Test func aStartWithoutAStoreIsTheSameMistake() async throws {
        let start = try await firn(["serve", "--store", "/gone", "--listen", "127.0.0.1:0"])
        #expect(start.status == 2)
        #expect(
            start.errors
                == "firn: /gone: there is no nix/store below it; install Nix, or name a store with "
                + "--store\n"
        )
    }

    @Test func aStateFolderThatCannotBeMadeIsAFailure() async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("nix/store")
            let file = try folder.write("", to: "file")
            let start = try await firn(
                ["serve", "--store", folder.path, "--listen", "127.0.0.1:0"],
                environment: ["FIRN_STATE": "\(file)/state"]
            )
            #expect(start.status == 1)
            #expect(start.errors.contains("\(file)/state/secret-key: the key cannot be written"))
            #expect(start.errors.split(separator: "\n").count == 1)
        }
    }

    @Test func aCertificateThatCannotBeReadIsRefused() async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("nix/store")
            let check = try await firn(
                ["serve", "--check"],
                environment: [
                    "FIRN_STORE_ROOT": folder.path, "FIRN_TLS_CERTIFICATE": "/gone.pem",
                    "FIRN_TLS_KEY": "/gone.key",
                ]
            )
            #expect(check.status == 2)
            #expect(check.errors.hasPrefix("firn: /gone.pem: not usable for TLS: no such file"))
        }
    }
}
