// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What people have caches for: real clients push to them and get it back.
@Suite(.fewAtATime)
struct PushTests {
    @Test(arguments: NixClient.usable, ["xz", "zstd", "bzip2", "none"])
    func aClosureIsPushedAndPulledWithSignaturesRequired(
        _ client: NixClient,
        _ compression: String
    ) async throws {
        try await withPushSetup { setup in
            let pusher = try await setup.administration.token("team", "push")
            let reader = try await setup.administration.token("te*", "pull")
            try await withClient(client) { home in
                try setup.logIn(&home, with: pusher)
                let pushed = try await setup.push(home, parameters: "?compression=\(compression)")
                #expect(pushed.status == 0, "\(pushed.errors)")
            }
            try await withClient(client) { home in
                home.use(cache: setup.url, trusting: setup.publicKey)
                try setup.logIn(&home, with: reader)
                try await home.run("nix-store", ["--realise", setup.top]).requireSuccess()
                for path in setup.paths { #expect(home.holds(path)) }
                let check = ["--verify", "--check-contents"]
                try await home.run("nix-store", check).requireSuccess()
            }
            let info = try await setup.administration.info("team")
            #expect(info.contains("\"paths\":\(setup.paths.count)"))
        }
    }

    @Test(arguments: NixClient.usable)
    func listingsAndLogsArePushedToo(_ client: NixClient) async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            let link = try setup.paths.named("link-3")
            try await withClient(client) { home in
                try setup.logIn(&home, with: token)
                // Newer Nix cannot list names that are not UTF-8, so not the whole closure.
                try await setup.push(home, link, parameters: "?write-nar-listing=true")
                    .requireSuccess()
            }
            let listing = try await setup.get("/team/\(link.storeHash).ls", token)
            #expect(listing.status == 200 && listing.text.contains("\"version\":1"))
            #expect(try await setup.get("/team/\(link.storeHash).ls").status == 404)
            let log = "/team/log/\(link.storeBaseName).drv"
            #expect(try await setup.put(log, Array("built\n".utf8), token).status == 201)
            #expect(try await setup.get(log, token).text == "built\n")
            #expect(try await setup.put("/team/log/x", [1], token).status == 400)
            let nonsense = "/team/\(link.storeHash).ls"
            #expect(try await setup.put(nonsense, Array("{}".utf8), token).status == 400)
        }
    }

    @Test(arguments: NixClient.usable)
    func aPrivateCacheIsClosedToEverybodyElse(_ client: NixClient) async throws {
        try await withPushSetup { setup in
            let caches = setup.administration
            try await caches.firn("cache", "create", "other", "--public").requireSuccess()
            let pusher = try await caches.token("team", "push,pull")
            let stranger = try await caches.token("other", "push,pull,delete")
            try await withClient(client) { home in
                try setup.logIn(&home, with: pusher)
                try await setup.push(home).requireSuccess()
            }
            let hash = setup.top.storeHash
            let narInfo = try await setup.get("/team/\(hash).narinfo", pusher)
            #expect(narInfo.status == 200)
            #expect(narInfo["Cache-Control"]?.contains("private") == true)
            let nar = try #require(narInfo.text.firstMatch(of: /URL: (.*)/)?.1)
            #expect(try await setup.get("/team/\(nar)", pusher).status == 200)
            let identity = nar.replacing(".zst", with: "")
            #expect(try await setup.get("/team/\(identity)", pusher).status == 200)

            let targets = ["\(hash).narinfo", "\(nar)", identity, "\(hash).closure"]
            for token in [nil, stranger, "firn_nonsense"] {
                for target in targets + ["nix-cache-info"] {
                    let closed = try await setup.get("/team/\(target)", token)
                    let absent = try await setup.get("/nothing/\(target)", token)
                    #expect(closed.status == 404 && absent.status == 404, "\(target)")
                    #expect(closed.text == absent.text)
                }
                for place in ["", "/other"] {
                    for target in targets {
                        let elsewhere = try await setup.get("\(place)/\(target)", token)
                        #expect(elsewhere.status == 404, "\(place)/\(target)")
                    }
                }
                let put = try await setup.put("/team/\(hash).narinfo", [1], token)
                #expect(put.status == 404)
            }
            try await withClient(client) { home in
                home.use(cache: setup.url, trusting: setup.publicKey)
                let outcome = try await home.run("nix-store", ["--realise", setup.top])
                #expect(outcome.status != 0)
            }
        }
    }

    @Test func aPublicCacheIsReadByAllAndShownInTheMergedView() async throws {
        try await withPushSetup(create: ["--public"]) { setup in
            let pusher = try await setup.administration.token("team", "push")
            try await withClient(.installed) { home in
                try setup.logIn(&home, with: pusher)
                try await setup.push(home).requireSuccess()
            }
            for url in [setup.url, setup.server.url] {
                try await withClient(.installed) { home in
                    home.use(cache: url, trusting: setup.publicKey)
                    try await home.run("nix-store", ["--realise", setup.top]).requireSuccess()
                }
            }
            // In the merged view it is the cache alone that vouches for it.
            let narInfo = try await setup.server.narInfo(of: setup.top)
            #expect(narInfo["Sig"]?.split(separator: "\n").count == 1)
            #expect(narInfo["Sig"]?.hasPrefix("team.") == true)
            let refused = try await setup.put("/team/\(setup.top.storeHash).narinfo", [1], nil)
            #expect(refused.status == 401)
            _ = try await setup.administration.firn("cache", "configure", "team", "--private")
            #expect(try await setup.server.narInfoStatus(of: setup.top) == 404)
            let nar = try #require(narInfo["URL"])
            #expect(try await setup.get("/\(nar)").status == 404)
        }
    }

    @Test func aRevokedTokenPushesNothingMore() async throws {
        try await withPushSetup { setup in
            let pusher = try await setup.administration.token("team", "push")
            let list = try await setup.administration.firn("token", "list", "--json").text
            let id = try #require(list.firstMatch(of: /"id":"([^"]*)"/)?.1)
            #expect(try await setup.get("/team/nix-cache-info", pusher).status == 200)
            _ = try await setup.administration.firn("token", "revoke", String(id))
            #expect(try await setup.get("/team/nix-cache-info", pusher).status == 404)
            try await withClient(.installed) { home in
                try setup.logIn(&home, with: pusher)
                let outcome = try await setup.push(home)
                #expect(outcome.status != 0)
            }
        }
    }

    @Test func aFolderOfTheDepotIsACacheByItself() async throws {
        try await withPushSetup { setup in
            let pusher = try await setup.administration.token("team", "push")
            try await withClient(.installed) { home in
                try setup.logIn(&home, with: pusher)
                try await setup.push(home).requireSuccess()
            }
            try await setup.server.kill()
            try await withClient(.installed) { home in
                home.use(cache: "", trusting: setup.publicKey)
                let from = "file://\(setup.server.state)/depot/caches/team"
                try await home.run("nix", ["copy", "--from", from, setup.top]).requireSuccess()
                for path in setup.paths { #expect(home.holds(path)) }
            }
        }
    }

    @Test func whatWasPushedOutlivesThePullThroughBound() async throws {
        var closure = SampleClosure.small
        closure.largeBytes = 1_000_000
        try await withPushSetup(closure: closure) {
            $0.depotSize = "6MB"
        } _: { setup in
            let pusher = try await setup.administration.token("team", "push,pull")
            try await withClient(.installed) { home in
                try setup.logIn(&home, with: pusher)
                try await setup.push(home).requireSuccess()
            }
            // Nothing of it may go to make room.
            let gone = try await setup.administration.firn("gc", "--down-to", "0B")
            #expect(gone.status == 0, "\(gone)")
            for path in setup.paths {
                let narInfo = try await setup.get("/team/\(path.storeHash).narinfo", pusher)
                let nar = try #require(narInfo.text.firstMatch(of: /URL: (.*)/)?.1)
                #expect(try await setup.get("/team/\(nar)", pusher).status == 200)
            }
        }
    }
}
