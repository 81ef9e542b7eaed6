// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What `firn doctor` finds on a machine that uses a cache, each thing broken by itself.
@Suite(.fewAtATime)
struct DoctorClientTests {
    private typealias Reply = @Sendable (ScriptedServer.Request) -> ScriptedServer.Reply

    private static let silence: Reply = { _ in .silence }
    private static let nothing: Reply = { _ in .notFound }
    private static let slowCache: Reply = { request in
        Thread.sleep(forTimeInterval: 0.8)
        guard request.target == "/nix-cache-info" else { return .notFound }
        let info = "StoreDir: /nix/store\nWantMassQuery: 1\n"
        return .answer(status: 200, type: "text/x-nix-cache-info", body: info)
    }

    @Test(arguments: NixClient.usable)
    func whatFirnUseHasSetUpIsFineAndWhatIsTakenOutIsFound(_ client: NixClient) async throws {
        try await withSmallServedStore { store, server, _ in
            try await withUseHome(client) { home in
                home.extra["NIX_REMOTE"] = store.root
                try await home.firn([server.url, "--user", "--yes"]).requireSuccess()
                let fine = try await home.doctor()
                #expect(fine.status == 0 && fine.failed == 0, "\(fine)")
                #expect(fine.all("address", of: server.url).map(\.verdict) == ["pass"])
                #expect(fine.all("substituters", of: server.url).map(\.verdict) == ["pass"])
                #expect(fine.all("keys", of: server.url).map(\.verdict) == ["pass"])
                #expect(fine.one("signature", "pass", "its NAR was fetched and is right") != nil)

                // Still in the file, and not in force.
                home.extra["NIX_CONFIG"] = "substituters =\ntrusted-public-keys ="
                let lost = try await home.doctor()
                #expect(lost.status == 1)
                let finding = lost.one("substituters", "fail", "firn use has put it into")
                #expect(finding?.remedy == "firn use \(server.url)", "\(lost)")
                let command = client.description == "installed" ? "show-config" : "config show"
                #expect(finding?.evidence.contains(command) == true, "\(lost)")
                #expect(lost.one("keys", "fail", "is not in trusted-public-keys") != nil)
            }
        }
    }

    @Test func anotherKeyOfTheSameNameIsFound() async throws {
        try await withSmallServedStore { _, server, _ in
            try await withUseHome { home in
                let identity = try await server.get("/api/v1/identity").text
                let name = try #require(identity.firstMatch(of: /"public-keys":\["([^:]+):/)).1
                let other = try await TestKey.make(name: String(name), in: home.directory)
                home.extra["NIX_CONFIG"] = """
                    substituters = \(server.url)
                    trusted-public-keys = \(other.publicKey)
                    """
                let report = try await home.doctor([server.url])
                #expect(report.status == 1)
                #expect(report.one("keys", "fail", "is not the one that it has now") != nil)
            }
        }
    }

    @Test func aSignatureThatIsNotTheKeysIsFound() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            try await withUseHome { home in
                let folder = try home.directory.makeDirectory("cache")
                let trusted = try await withTemporaryDirectory {
                    try await TestKey.make(name: "same-1", in: $0).publicKey
                }
                let signer = try await TestKey.make(name: "same-1", in: home.directory)
                let to = "file://\(folder)?compression=none&secret-key=\(signer.secretPath)"
                try await store.run("nix", ["copy", "--to", to] + paths)
                try await withNginx(serving: folder, in: home.directory) { port in
                    let url = "http://127.0.0.1:\(port)"
                    home.extra["NIX_REMOTE"] = store.root
                    home.extra["NIX_CONFIG"] = """
                        substituters = \(url)
                        trusted-public-keys = \(trusted)
                        """
                    let report = try await home.doctor([url])
                    #expect(report.status == 1)
                    #expect(report.one("signature", "fail", "is not by it") != nil, "\(report)")
                    home.extra["NIX_CONFIG"]?.replace(trusted, with: signer.publicKey)
                    let fine = try await home.doctor([url])
                    #expect(fine.one("signature", "pass", "same-1 has signed") != nil, "\(fine)")
                }
            }
        }
    }

    @Test func aMissThatIsNoneAnyMoreIsFoundAndForgotten() async throws {
        try await withNixStore { builder in
            let paths = try await builder.buildSmall()
            let path = try paths.named("large")
            try await withPushSetup(create: ["--public"]) { setup in
                try await withUseHome { home in
                    let wanted = try setup.paths.named("large")
                    #expect(wanted == path)
                    try await home.firn([setup.url, "--user", "--yes"]).requireSuccess()
                    #expect(try await home.realise(path).status != 0)
                    let token = try await setup.administration.token("team", "push,pull")
                    try await withClient(.installed) { pusher in
                        try setup.logIn(&pusher, with: token)
                        try await setup.push(pusher).requireSuccess()
                    }
                    // Nix does not even ask.
                    #expect(try await home.realise(path).status != 0)
                    let shown = try await home.doctor()
                    #expect(shown.status == 0, "\(shown)")
                    let miss = shown.one("remembered-misses", "warn", path.storeHash)
                    #expect(miss?.subject == setup.url, "\(shown)")
                    let mended = try await home.doctor(["--fix"])
                    #expect(mended.all("remembered-misses").first?.fixed == "one miss forgotten")
                    try await home.realise(path).requireSuccess()
                }
            }
        }
    }

    @Test func aCacheThatStallsEverybodyIsFoundWithinSeconds() async throws {
        try await withScriptedServer(reply: Self.silence) { silent in
            try await withUseHome { home in
                home.extra["NIX_CONFIG"] = """
                    substituters = http://127.0.0.1:1 \(silent.url)
                    stalled-download-timeout = 300
                    """
                let start = ContinuousClock.now
                let report = try await home.doctor()
                #expect(ContinuousClock.now - start < .seconds(30))
                #expect(report.status == 1)
                #expect(report.one("stall", "fail", "nobody listens on this port") != nil)
                #expect(report.one("stall", "fail", "waits 25 min for it") != nil, "\(report)")
            }
        }
    }

    @Test func aSlowCacheThatIsAskedFirstIsFound() async throws {
        try await withScriptedServer(reply: Self.slowCache) { slow in
            try await withSmallServedStore { _, server, _ in
                try await withUseHome { home in
                    home.extra["NIX_CONFIG"] = "substituters = \(server.url) \(slow.url)"
                    let report = try await home.doctor()
                    let finding = report.one("priority", "warn", "no priority, which counts as 0")
                    #expect(finding?.subject == slow.url, "\(report)")
                    home.extra["NIX_CONFIG"] =
                        "substituters = \(server.url) \(try #require(finding?.remedy).prefix { $0 != " " })"
                    #expect(try await home.doctor().all("priority").first?.verdict == "pass")
                }
            }
        }
    }

    @Test func aWrongAddressIsFound() async throws {
        try await withScriptedServer(reply: Self.nothing) { other in
            try await withUseHome { home in
                let report = try await home.doctor([other.url, "http://127.0.0.1:1"])
                #expect(report.status == 1)
                #expect(report.one("address", "fail", "is no binary cache")?.subject == other.url)
                let nobody = report.one("address", "fail", "nobody listens")
                #expect(nobody?.subject == "http://127.0.0.1:1", "\(report)")
            }
        }
        let wrong = try await withUseHome { home in
            try await home.run(FirnServer.programme, ["doctor", "not/a/cache"])
        }
        #expect(wrong.status == 2 && wrong.errors.contains("names no cache"))
    }

    @Test func aClockThatIsOffIsFound() async throws {
        try await withSmallServedStore { _, server, _ in
            try await withUseHome { home in
                // This machine, by an address that does not look like it.
                let url = "http://[::ffff:7f00:1]:\(server.port)"
                let words = [FirnServer.programme, "doctor", "--json", url]
                let off = try DoctorReport(
                    await home.run("faketime", ["--exclude-monotonic", "-f", "-30h"] + words)
                )
                let finding = off.one("clock", "fail", "h behind \(url)")
                #expect(off.status == 1 && finding != nil, "\(off)")
                #expect(try await home.doctor([url]).all("clock").first?.verdict == "pass")
            }
        }
    }

    @Test func aTokenThatCachixDoesNotTakeIsFound() async throws {
        var settings = CachixStandIn.Settings()
        settings.isPublic = false
        try await CachixStandIn.run(settings) { server in
            try await withUseHome { home in
                home.extra["CACHIX_AUTH_TOKEN"] = "wrong"
                let cache = ["cachix:test", "--host", server.url]
                let report = try await home.doctor(cache)
                let finding = report.one("cachix", "fail", "CACHIX_AUTH_TOKEN is not taken")
                #expect(report.status == 1 && finding?.subject == "cachix:test", "\(report)")
                home.extra["CACHIX_AUTH_TOKEN"] = settings.token
                #expect(try await home.doctor(cache).all("cachix").first?.verdict == "pass")
            }
        }
    }
}
