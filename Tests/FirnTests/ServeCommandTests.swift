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

    @Test func issuersArePrintedWithWhatIsInForceAndRefusedWhenTooWide() async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("nix/store")
            let table = """
                [[oidc]]
                issuer = "https://git.example"
                audience = "firn"
                caches = "team*"
                allow = ["push", "pull"]

                """
            let arguments = ["serve", "--check", "--store", folder.path, "--config"]
            let wide = try folder.write(table, to: "wide.toml")
            let environment = ["FIRN_STATE": folder.path("state")]
            let refused = try await firn(arguments + [wide], environment: environment)
            #expect(refused.status == 2)
            #expect(refused.errors.contains("\(wide):1: oidc.claims is missing"))
            let file = try folder.write(table + "claims = { sub = \"acme:*\" }\n", to: "f.toml")
            let check = try await firn(arguments + [file], environment: environment)
            try check.requireSuccess()
            #expect(
                check.text.hasSuffix(
                    """

                    [[oidc]]
                    issuer = "https://git.example"
                    audience = ["firn"]
                    caches = "team*"
                    allow = ["pull", "push"]
                    claims = { "sub" = ["acme:*"] }
                    """
                )
            )
        }
    }

    private static let tiers = """
        [[tier]]
        name = "p620"
        urls = ["http://p620.lan:5000/", "https://p620.example.ts.net"]
        public-keys = ["cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="]
        token-file = "token"

        """

    @Test func tiersArePrintedWithWhatIsInForce() async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("nix/store")
            let token = try folder.write("abc", to: "token", mode: 0o644)
            let file = try folder.write(Self.tiers, to: "firn.toml")
            let check = try await firn(
                ["serve", "--check", "--config", file, "--store", folder.path, "--depot", "none"],
                environment: ["FIRN_STATE": folder.path]
            )
            try check.requireSuccess()
            #expect(check.errors.contains("\(token): every user can read this secret; chmod 600"))
            #expect(check.lines.contains("depot.location = \"none\""))
            #expect(
                check.text.hasSuffix(
                    """

                    [[tier]]
                    name = "p620"
                    urls = ["http://p620.lan:5000", "https://p620.example.ts.net"]
                    public-keys = ["cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="]
                    trust = "keys"
                    token-file = "\(token)"
                    negative-ttl = "1m"
                    delta = "auto"
                    """
                )
            )
        }
    }

    /// The same line and the same end, whether it is checked or started.
    @Test(arguments: [["--check"], []])
    func aTierThatCannotBeIsRefusedBeforeAnythingIsTouched(_ flags: [String]) async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("nix/store")
            let mistakes = [
                (
                    "",
                    "5: tier.token-file: the file \(folder.path("token")) cannot be read: no such"
                ),
                ("http://localhost:5077", "3: tier \"p620\": http://localhost:5077 is this very"),
                ("http://me:pw@p620", "3: tier.urls takes an array of 1 to 8 URLs"),
            ]
            for (url, message) in mistakes {
                let text =
                    url.isEmpty
                    ? Self.tiers : Self.tiers.replacing("http://p620.lan:5000/", with: url)
                let file = try folder.write(text, to: "firn.toml")
                let serve = try await firn(
                    ["serve", "--config", file, "--store", folder.path, "--listen", "[::]:5077"]
                        + flags,
                    environment: ["FIRN_STATE": folder.path("state")]
                )
                #expect(serve.status == 2)
                #expect(serve.errors.hasPrefix("firn: \(file):\(message)"), "\(serve.errors)")
                #expect(serve.errors.split(separator: "\n").count == 1)
                #expect(!FileManager.default.fileExists(atPath: folder.path("state")))
            }
        }
    }

    /// The same line and the same end, whether it is checked or started, and nothing is made.
    @Test(arguments: [["--check"], []])
    func aPlaceThatIsNoneForADepotIsRefused(_ flags: [String]) async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("nix/store")
            try folder.write("", to: "file")
            try folder.makeDirectory("links")
            try FileManager.default.createSymbolicLink(
                atPath: folder.path("links/store"),
                withDestinationPath: folder.path("nix/store")
            )
            let inStore = "lies in \(folder.path("nix/store")), the store that is served"
            let mistakes = [
                ("nix/store", inStore), ("nix/store/depot/below", inStore),
                ("links/store/depot", inStore), ("file", "is a file, not a folder"),
                ("file/depot", "cannot be made: a part of its path is a file"),
            ]
            for (place, reason) in mistakes {
                let file = try folder.write(
                    "\n[depot]\nlocation = \"\(place)\"\n",
                    to: "firn.toml"
                )
                let path = folder.path(place)
                let places = [
                    (["--config", file], "\(file):3"), (["--depot", path], "--depot"),
                ]
                for (arguments, origin) in places {
                    let serve = try await firn(
                        ["serve", "--store", folder.path, "--listen", "127.0.0.1:0"] + arguments
                            + flags,
                        environment: ["FIRN_STATE": folder.path("state")]
                    )
                    #expect(serve.status == 2)
                    #expect(
                        serve.errors.hasPrefix(
                            "firn: \(origin): depot.location: the depot \(path) \(reason)"
                        ),
                        "\(serve.errors)"
                    )
                    #expect(serve.errors.split(separator: "\n").count == 1)
                }
            }
            #expect(!FileManager.default.fileExists(atPath: folder.path("state")))
            let store = try FileManager.default.contentsOfDirectory(
                atPath: folder.path("nix/store")
            )
            #expect(store.isEmpty)
        }
    }

    @Test(arguments: [["--check"], []])
    func anAddressOfThisMachineIsThisServer(_ flags: [String]) async throws {
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("nix/store")
            let addresses = try await Command("ip", ["-o", "addr"]).run(deadline: .seconds(60))
            let found = addresses.text.matches(of: /inet6? ([0-9a-f.:]+)/).map { String($0.1) }
            #expect(!found.isEmpty)
            for address in found where !address.hasPrefix("fe80:") {
                let host = address.contains(":") ? "[\(address)]" : address
                let file = try folder.write(
                    Self.tiers.replacing("p620.lan:5000", with: "\(host):5077")
                        .replacing("token-file = \"token\"\n", with: ""),
                    to: "firn.toml"
                )
                let serve = try await firn(
                    ["serve", "--config", file, "--store", folder.path, "--listen", "[::]:5077"]
                        + flags,
                    environment: ["FIRN_STATE": folder.path("state")]
                )
                #expect(serve.status == 2)
                let start =
                    "firn: \(file):3: tier \"p620\": http://\(host):5077 is this very server"
                #expect(serve.errors.hasPrefix(start), "\(serve.errors)")
            }
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
