// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// The ways on which a push comes here, and what else than paths comes on them.
@Suite(.fewAtATime)
struct PushTransportTests {
    private static let contentAddressed = """
        derivation {
          name = "pushed-content-addressed";
          system = builtins.currentSystem;
          builder = "/bin/sh";
          args = [ "-euc" "mkdir $out; echo content >$out/file" ];
          PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
          __contentAddressed = true;
          outputHashMode = "recursive";
          outputHashAlgo = "sha256";
        }
        """

    @Test(arguments: NixClient.usable, [true, false])
    func aClosureIsPushedAndPulledOverTLS(_ client: NixClient, _ usesHTTP2: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let authority = try await TestAuthority.make(in: directory)
            try await withPushSetup(change: { encrypt(&$0, authority) }) { setup in
                let token = try await setup.administration.token("team", "push,pull")
                try await withClient(client) { home in
                    try prepare(&home, setup, token, authority, usesHTTP2)
                    let arguments = ["copy", "--from", setup.store.root, "--to", setup.url]
                    let pushed = try await home.runAnywhere(
                        "nix",
                        arguments + [setup.top, "-vvvvv"]
                    )
                    #expect(pushed.status == 0, "\(pushed.errors.suffix(2_000))")
                    #expect(pushed.errors.contains("HTTP/2") == usesHTTP2)
                }
                try await withClient(client) { home in
                    home.use(cache: setup.url, trusting: setup.publicKey)
                    try prepare(&home, setup, token, authority, usesHTTP2)
                    try await home.run("nix-store", ["--realise", setup.top]).requireSuccess()
                    for path in setup.paths { #expect(home.holds(path)) }
                }
            }
        }
    }

    /// The authority is found where Nix finds it; without it there is nothing to try again.
    @Test func firnPushesOverTLSToWhomItsAuthorityVouchesFor() async throws {
        try await withTemporaryDirectory { directory in
            let authority = try await TestAuthority.make(in: directory)
            try await withPushSetup(change: { encrypt(&$0, authority) }) { setup in
                var command = Command(
                    FirnServer.programme,
                    ["push", setup.url, setup.top, "--store", setup.store.root]
                )
                command.environment["FIRN_TOKEN"] = try await setup.administration
                    .token("team", "push,pull")
                let distrusted = try await command.run(deadline: .seconds(60))
                #expect(distrusted.status == 4, "\(distrusted.errors)")
                #expect(distrusted.errors.contains("vouches for its certificate; SSL_CERT_FILE"))
                command.environment["SSL_CERT_FILE"] = authority.certificate
                let trusted = try await command.run(deadline: .seconds(60))
                #expect(trusted.status == 0, "\(trusted.errors)")
            }
        }
    }

    private func encrypt(_ setup: inout ServerSetup, _ authority: TestAuthority) {
        setup.scheme = "https"
        setup.serverLines = [
            """
            tls = { certificate = "\(authority.serverCertificate)", \
            key = "\(authority.serverKey)" }
            """
        ]
    }

    private func prepare(
        _ home: inout NixClientHome,
        _ setup: PushSetup,
        _ token: String,
        _ authority: TestAuthority,
        _ usesHTTP2: Bool
    ) throws {
        try setup.logIn(&home, with: token)
        home.environment["NIX_SSL_CERT_FILE"] = authority.certificate
        home.settings.append(("http2", usesHTTP2 ? "true" : "false"))
    }

    @Test(arguments: NixClient.usable)
    func aLogIsPushedAndRead(_ client: NixClient) async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            let link = try setup.paths.named("link-3")
            let derivation = try await setup.store
                .run("nix-store", ["--query", "--deriver", link]).text
            try await withClient(client) { home in
                try setup.logIn(&home, with: token)
                let arguments = ["--from", setup.store.root, "--to", setup.url, derivation]
                let pushed = try await home.runAnywhere("nix", ["store", "copy-log"] + arguments)
                #expect(pushed.status == 0, "\(pushed.errors)")
                let log = "/team/log/\(derivation.storeBaseName)"
                #expect(try await setup.get(log, token).text == "building link 3\n")
                #expect(try await setup.get(log).status == 404)
            }
        }
    }

    @Test(arguments: NixClient.usable)
    func aRealisationIsPushedAndFound(_ client: NixClient) async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            let built = try await setup.store.build(Self.contentAddressed)
            try await withClient(client) { home in
                try setup.logIn(&home, with: token)
                let arguments = [
                    "copy", "--store", setup.store.root, "--to", setup.url, "--impure",
                ]
                let pushed = try await home.runAnywhere(
                    "nix",
                    arguments + ["--expr", Self.contentAddressed]
                )
                #expect(pushed.status == 0, "\(pushed.errors)")
            }
            try await withClient(client) { home in
                home.use(cache: setup.url, trusting: setup.publicKey)
                try setup.logIn(&home, with: token)
                // It may build nothing, so what it prints is what Firn told it.
                let arguments = ["--no-out-link", "--expr", Self.contentAddressed]
                let found = try await home.run("nix-build", arguments)
                #expect(found.status == 0, "\(found.errors)")
                #expect(found.lines == built)
                #expect(built.allSatisfy { home.holds($0) })
            }
        }
    }

    @Test(arguments: NixClient.usable)
    func aClosureIsPushedThroughNginx(_ client: NixClient) async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            let location = """
                client_max_body_size 32m;
                location / { proxy_pass http://127.0.0.1:\(setup.server.port); }
                """
            try await withNginx(server: location, in: setup.directory) { port in
                let url = "http://127.0.0.1:\(port)/team"
                for parameters in ["?write-nar-listing=true", "?compression=zstd"] {
                    try await withClient(client) { home in
                        try setup.logIn(&home, with: token)
                        // Newer Nix cannot list names that are not UTF-8, so not the whole closure.
                        let path =
                            parameters.contains("listing")
                            ? try setup.paths.named("link-3") : setup.top
                        let pushed = try await home.runAnywhere(
                            "nix",
                            ["copy", "--from", setup.store.root, "--to", url + parameters, path]
                        )
                        #expect(pushed.status == 0, "\(pushed.errors)")
                    }
                }
                let link = try setup.paths.named("link-3")
                #expect(try await setup.get("/team/\(link.storeHash).ls", token).status == 200)
                try await withClient(client) { home in
                    home.use(cache: url, trusting: setup.publicKey)
                    try setup.logIn(&home, with: token)
                    try await home.run("nix-store", ["--realise", setup.top]).requireSuccess()
                    for path in setup.paths { #expect(home.holds(path)) }
                }
            }
        }
    }
}
