// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// Jobs that push with the word of their issuer, to the real server.
@Suite(.fewAtATime)
struct IdentityTests {
    private static let key = Result { try TestIdentityKey.rsa("first") }

    /// Runs an issuer, and a server that lets its jobs of `acme` into `team`.
    private func withIssuer(
        allow: String = "\"push\", \"pull\"",
        _ body: (PushSetup, TestIssuer, TestIdentityKey) async throws -> Void
    ) async throws {
        let key = try Self.key.get()
        try await withTestIssuer(key) { issuer in
            try await withPushSetup { setup in
                setup.lastLines = [
                    """
                    [[oidc]]
                    issuer = "\(issuer.url)"
                    audience = "https://firn.example"
                    caches = "team*"
                    allow = [\(allow)]
                    claims = { repository_owner = "acme", ref = ["refs/heads/main", "refs/tags/*"] }
                    """
                ]
            } _: { setup in
                try await body(setup, issuer, key)
            }
        }
    }

    @Test(arguments: NixClient.usable)
    func aJobPushesAndPullsWithNix(_ client: NixClient) async throws {
        try await withIssuer { setup, issuer, key in
            let token = try issuer.token().text(signedBy: key)
            try await withClient(client) { home in
                try setup.logIn(&home, with: token)
                let pushed = try await setup.push(home, parameters: "?compression=zstd")
                #expect(pushed.status == 0, "\(pushed.errors)")
            }
            try await withClient(client) { home in
                home.use(cache: setup.url, trusting: setup.publicKey)
                try setup.logIn(&home, with: token)
                try await home.run("nix-store", ["--realise", setup.top]).requireSuccess()
                for path in setup.paths { #expect(home.holds(path)) }
            }
            #expect(issuer.keyRequests == 1)
            #expect(setup.server.log.contains("identities are let in"))
            #expect(setup.server.log.contains("audience=https://firn.example"))
            #expect(!setup.server.log.contains(token))
        }
    }

    @Test(arguments: NixClient.usable)
    func aJobOfSomebodyElseIsRefusedAndNothingOfItCanBeSeen(_ client: NixClient) async throws {
        try await withIssuer { setup, issuer, key in
            var token = issuer.token()
            token.claims["repository_owner"] = "mallory"
            let text = try token.text(signedBy: key)
            try await withClient(client) { home in
                try setup.logIn(&home, with: text)
                let pushed = try await setup.push(home)
                #expect(pushed.status != 0)
            }
            #expect(try await setup.administration.info("team").contains("\"paths\":0"))
            #expect(try await setup.get("/team/nix-cache-info", text).status == 404)
            let log = setup.server.log
            let lines = log.split(separator: "\n").filter { $0.contains("identity was refused") }
            #expect(lines.count == 1, "\(log)")
            #expect(lines.first?.contains("claim repository_owner differs from") == true)
            #expect(lines.first?.contains("subject=repo:acme/site") == true)
            #expect(!log.contains(text) && !log.contains("mallory"))
        }
    }

    @Test func whatIsAnsweredIsWhatAWrongTokenGets() async throws {
        try await withIssuer { setup, issuer, key in
            let unknown = "firn_" + String(repeating: "0", count: 52)
            var tokens: [String] = []
            func add(_ change: (inout TestIdentityToken) -> Void) throws {
                var token = issuer.token()
                change(&token)
                tokens.append(try token.text(signedBy: key))
            }
            try add { $0.claims["iss"] = "https://other.example" }
            try add { $0.claims["aud"] = "somebody" }
            try add { $0.claims["exp"] = 1 }
            try add { $0.claims["ref"] = "refs/heads/wip" }
            try add { $0.algorithm = "none" }
            try add { $0.algorithm = "HS256" }
            try add { $0.keyID = "unknown" }
            tokens += ["a.b.c", "firn_a.b.c"]
            let caches = setup.administration
            try await caches.firn("cache", "create", "team-open", "--public").requireSuccess()
            let narInfo = "\(setup.top.storeHash).narinfo"
            for cache in ["team", "team-open"] {
                let target = "/\(cache)/\(narInfo)"
                let expected = try await setup.put(target, [1], unknown)
                #expect(expected.status == (cache == "team" ? 404 : 401))
                for token in tokens {
                    let answer = try await setup.put(target, [1], token)
                    #expect(answer.status == expected.status, "\(token)")
                    #expect(answer.text == expected.text)
                    #expect(answer["WWW-Authenticate"] == expected["WWW-Authenticate"])
                    let read = try await setup.get(target, token)
                    #expect(read.status == (try await setup.get(target, unknown).status))
                }
            }
            let good = try issuer.token().text(signedBy: key)
            #expect(try await setup.get("/team/nix-cache-info", good).status == 200)
        }
    }

    @Test func aJobMayDoWhatItsTableSaysAndNoMore() async throws {
        try await withIssuer(allow: "\"push\"") { setup, issuer, key in
            let caches = setup.administration
            try await caches.firn("cache", "create", "other").requireSuccess()
            let token = try issuer.token().text(signedBy: key)
            #expect(try await setup.get("/team/nix-cache-info", token).status == 200)
            #expect(try await setup.get("/other/nix-cache-info", token).status == 404)
            let server = ["--server", setup.server.url]
            let listed = try await caches.firn(["cache", "list"] + server, token: token)
            #expect(listed.status == 4 && listed.errors.contains("never allows admin"))
            let made = try await caches.firn(
                ["token", "create", "--cache", "team", "--allow", "push"] + server,
                token: token
            )
            #expect(made.status == 4)
            // Pinning is what who pushes may do; the command takes such a token, too.
            let pins = try await caches.firn(["pin", "list", "team"] + server, token: token)
            #expect(pins.status == 0, "\(pins.errors)")
        }
    }

    @Test func aJobGoesOnWithTheTokenThatTookThePlaceOfItsFirst() async throws {
        try await withIssuer { setup, issuer, key in
            let path = try #require(setup.paths.first { $0.hasSuffix("-link-0") })
            let sample = try await SentSample(setup, path)
            let first = try issuer.token().text(signedBy: key)
            var later = issuer.token()
            later.claims["jti"] = "another"
            let second = try later.text(signedBy: key)
            later.claims["sub"] = "repo:acme/other:ref:refs/heads/main"
            let stranger = try later.text(signedBy: key)
            #expect(try await setup.put(sample.target, sample.nar, first).status == 201)
            let text = Array(sample.narInfo.utf8)
            let refused = try await setup.put(sample.narInfoTarget, text, stranger)
            #expect(refused.status == 422 && refused.text.contains("was not sent"))
            #expect(try await setup.put(sample.narInfoTarget, text, second).status == 201)
        }
    }

    @Test func withoutATableNobodysWordIsTaken() async throws {
        let key = try Self.key.get()
        try await withTestIssuer(key) { issuer in
            try await withPushSetup { setup in
                let token = try issuer.token().text(signedBy: key)
                #expect(try await setup.get("/team/nix-cache-info", token).status == 404)
                #expect(issuer.keyRequests == 0)
            }
        }
    }

    @Test func keysAreChangedWhileTheServerRuns() async throws {
        try await withIssuer { setup, issuer, key in
            let second = TestIdentityKey.ecdsa("second")
            var token = issuer.token()
            #expect(
                try await setup.get("/team/nix-cache-info", token.text(signedBy: key)).status == 200
            )
            issuer.publish([(second, "ES256")])
            token.algorithm = "ES256"
            let rotated = try token.text(signedBy: second)
            // Keys are not asked for more often than every 30 seconds.
            try await wait(for: "the new key", within: .seconds(60)) {
                try await setup.get("/team/nix-cache-info", rotated).status == 200
            }
            #expect(issuer.keyRequests == 2)
            #expect(
                try await setup.get("/team/nix-cache-info", issuer.token().text(signedBy: key))
                    .status == 404
            )
        }
    }
}
