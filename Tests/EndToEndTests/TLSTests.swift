// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// TLS, and HTTP/2 that comes with it.
@Suite(.fewAtATime)
struct TLSTests {
    @Test(arguments: NixClient.usable)
    func aClosureIsRealisedOverTLS(_ client: NixClient) async throws {
        try await withTLSServer { authority, key, server, paths in
            try await withClient(client) { home in
                home.use(cache: server.url, trusting: key.publicKey)
                home.environment["NIX_SSL_CERT_FILE"] = authority.certificate
                let top = try paths.named("top")
                let outcome = try await home.run("nix-store", ["--realise", top, "-vvvvv"])
                try outcome.requireSuccess()
                #expect(Set(paths).allSatisfy { home.holds($0) })
                #expect(outcome.errors.contains("HTTP/2"))
            }
        }
    }

    @Test func aClientThatDoesNotKnowTheAuthorityRefuses() async throws {
        try await withTLSServer { _, key, server, paths in
            try await withClient(.installed) { home in
                home.use(cache: server.url, trusting: key.publicKey)
                home.settings.append(("download-attempts", "1"))
                let outcome = try await home.run("nix-store", ["--realise", paths.named("top")])
                #expect(outcome.status != 0)
            }
        }
    }

    @Test(arguments: [("--http1.1", "1.1"), ("--http2", "2")])
    func theSameBytesComeOverBothVersionsOfHTTP(_ flag: String, _ version: String) async throws {
        try await withTLSServer { authority, _, server, paths in
            let curl = [
                flag, "--silent", "--show-error", "--fail", "--cacert", authority.certificate,
            ]
            for path in paths {
                let target = "\(server.url)/\(path.storeHash).narinfo"
                let report = try await Command("curl", curl + ["-w", "%{http_version}", target])
                    .run(deadline: .seconds(30)).requireSuccess()
                #expect(report.text.hasSuffix(version))
            }
            let large = try paths.named("large")
            let url = "\(server.url)/nar/\(large.storeHash).nar"
            let whole = try await Command("curl", curl + [url])
                .run(deadline: .seconds(60)).requireSuccess()
            #expect(whole.output.count > 800_000)
            let part = try await Command("curl", curl + ["--range", "1000-300999", url])
                .run(deadline: .seconds(60)).requireSuccess()
            #expect(part.output == Array(whole.output[1000...300_999]))
        }
    }

    /// What Nix does with the two variables, for a Firn that asks a tier by https.
    @Test(arguments: [
        (nil, "ours", true), ("ours", nil, true), ("ours", "other", true), ("other", "ours", false),
        (nil, nil, false), ("gone", "ours", false), ("", "ours", true),
    ])
    func aTierIsCheckedByTheAuthoritiesThatNixKnows(
        _ nixVariable: String?,
        _ variable: String?,
        _ isTrusted: Bool
    ) async throws {
        try await withTLSServer { authority, key, server, paths in
            try await withTemporaryDirectory { directory in
                let files = [
                    "ours": authority.certificate, "gone": directory.path("gone"), "": "",
                    "other": try await TestAuthority.make(in: directory).certificate,
                ]
                try await withNixStore { store in
                    try await store.initialise()
                    var setup = ServerSetup(storeRoot: store.root)
                    setup.tiers = [TierSetup("tls", at: server.url, trusting: [key.publicKey])]
                    setup.environment["NIX_SSL_CERT_FILE"] = nixVariable.flatMap { files[$0] }
                    setup.environment["SSL_CERT_FILE"] = variable.flatMap { files[$0] }
                    try await withServer(setup) { agent in
                        let status = try await agent.narInfoStatus(of: paths.named("top"))
                        #expect(status == (isTrusted ? 200 : 404))
                        if !isTrusted {
                            try await wait(for: "what is wrong with the tier") {
                                agent.log.contains("TLS: an untrusted certificate")
                            }
                        }
                        let isWarned = agent.log.contains(
                            "$NIX_SSL_CERT_FILE names \(directory.path("gone")), which cannot be read"
                        )
                        #expect(isWarned == (nixVariable == "gone"))
                    }
                }
            }
        }
    }

    @Test func aRenewedCertificateIsUsedAfterSIGHUP() async throws {
        try await withTLSServer { authority, _, server, _ in
            let before = try await fingerprint(of: server)
            try await authority.issue()
            server.process.send(signal: SIGHUP)
            try await wait(for: "new certificate") {
                try await fingerprint(of: server) != before
            }
        }
    }

    private func fingerprint(of server: FirnServer) async throws -> String {
        let script = """
            openssl s_client -connect 127.0.0.1:\(server.port) </dev/null 2>/dev/null |
                openssl x509 -noout -fingerprint -sha256
            """
        let command = Command("/bin/sh", ["-c", script])
        return try await command.run(deadline: .seconds(30)).requireSuccess().text
    }

    private func withTLSServer(
        _ body: (TestAuthority, TestKey, FirnServer, [String]) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let authority = try await TestAuthority.make(in: directory)
            let key = try await TestKey.make(name: "firn.tls-1", in: directory)
            try await withNixStore { store in
                let paths = try await store.buildSmall()
                var setup = ServerSetup(storeRoot: store.root)
                setup.keys = [key.secretPath]
                setup.scheme = "https"
                setup.serverLines = [
                    """
                    tls = { certificate = "\(authority.serverCertificate)", \
                    key = "\(authority.serverKey)" }
                    """
                ]
                try await withServer(setup) { server in
                    try await body(authority, key, server, paths)
                }
            }
        }
    }
}
