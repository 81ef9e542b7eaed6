// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// Cachix's interface with others around it: Firn's own client, upstreams, a proxy.
@Suite(.fewAtATime)
struct CachixNeighboursTests {
    @Test(arguments: NixClient.usable)
    func firnPushesAndPinsAsItDoesAtCachix(_ client: NixClient) async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            func firn(_ command: String, _ arguments: [String]) async throws -> CommandOutcome {
                let fixed = [
                    command, "cachix:team", "--host", setup.server.url, "--store", setup.store.root,
                ]
                var command = Command(FirnServer.programme, fixed + arguments)
                command.environment["HOME"] = "/nonexistent"
                command.environment["CACHIX_AUTH_TOKEN"] = token
                return try await command.run(deadline: .seconds(120))
            }
            try await firn("push", [setup.top]).requireSuccess()
            let again = try await firn("push", [setup.top]).requireSuccess()
            #expect(again.text.hasPrefix("nothing to send"))
            try await firn("pin", ["release", setup.top, "--keep-revisions", "2"]).requireSuccess()
            let pins = try await setup.administration.firn("pin", "list", "team", "--json")
            #expect(pins.text.contains(setup.top) && pins.text.contains("keep-revisions\":2"))
            try await withClient(client) { home in
                home.use(cache: setup.url, trusting: setup.publicKey)
                try setup.logIn(&home, with: token)
                try await home.run("nix-store", ["--realise", setup.top]).requireSuccess()
            }
        }
    }

    @Test func whatAnUpstreamHasIsNotMissing() async throws {
        try await withPushSetup(create: ["--public"]) { below in
            let paths = try await below.packed()
            let leaf = try #require(paths.first { $0.narInfo.references.isEmpty })
            try await below.cachix().pushAll([leaf])
            let tier = TierSetup("below", at: below.url, trusting: [below.publicKey])
            try await withPushSetup {
                $0.tiers = [tier]
            } _: { setup in
                let cachix = try await setup.cachix()
                let missing = try await cachix.missing(paths.map(\.hash))
                #expect(Set(missing) == Set(paths.map(\.hash)).subtracting([leaf.hash]))
                // What refers to it can be seen all the same.
                try await cachix.push(paths)
                let top = try #require(paths.first { $0.storePath == below.top })
                #expect(try await setup.isVisible(top, cachix))
                #expect(try await setup.isVisible(leaf, cachix) == false)
            }
        }
    }

    @Test func aSilentUpstreamDelaysNothing() async throws {
        let key = try SecretKey.generate(name: "gone-1").publicKey
        let tier = TierSetup("gone", at: "http://127.0.0.1:9", trusting: ["\(key)"])
        try await withPushSetup {
            $0.tiers = [tier]
        } _: { setup in
            let cachix = try await setup.cachix()
            let paths = try await setup.packed()
            try await cachix.push(paths.reversed())
            for path in paths { #expect(try await setup.isVisible(path, cachix)) }
        }
    }

    @Test func behindAProxyURLsAreThoseOfTheProxy() async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push")
            let fields = [
                (name: "Host", value: "cache.example.org"), ("X-Forwarded-Proto", "https"),
                ("Authorization", "Bearer \(token)"),
            ]
            let facts = try await setup.server.get("/api/v1/cache/team", fields: fields)
            #expect(facts.text.contains("\"uri\":\"https://cache.example.org/team\""))
            let hostile = [(name: "Host", value: "a/b\"c"), ("Authorization", "Bearer \(token)")]
            let refused = try await setup.server.get("/api/v1/cache/team", fields: hostile)
            #expect(refused.status == 400)
        }
    }
}
