// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension PushSuites {
    /// What was pushed is what real clients get back.
    @Suite struct PushToCachixTests {
        private let source: PushSource

        init() throws {
            source = try PushSource.prepared()
        }

        @Test(arguments: NixClient.usable)
        func aClosureThatWasPushedIsSubstituted(_ client: NixClient) async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                try await source.push(to: server, [source.top, source.large]).requireSuccess()
                #expect(server.complaints == [])
                let all = Set((source.paths + [source.large]).map(\.storeBaseName))
                #expect(Set(server.completed) == all)
                #expect(server.completed.count == all.count)
                try await withClient(client) { home in
                    let key = try #require(server.settings.serverKey)
                    home.use(cache: server.url, trusting: "\(key.publicKey)")
                    let realise = ["--realise", source.top, source.large]
                    try await home.run("nix-store", realise).requireSuccess()
                    try await home.run("nix-store", ["--verify", "--check-contents"])
                        .requireSuccess()
                }
            }
        }

        @Test func aSecondPushSendsNothing() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                try await source.push(to: server, [source.top]).requireSuccess()
                let puts = server.calls("PUT", containing: "/upload/").count
                let again = try await source.push(to: server, [source.top]).requireSuccess()
                #expect(again.text.hasPrefix("nothing to send to cachix:test"))
                #expect(server.calls("PUT", containing: "/upload/").count == puts)
            }
        }

        @Test func missingPathsAreAskedForInOneRequest() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                try await source.push(to: server, [source.top]).requireSuccess()
                #expect(server.calls("POST", containing: "/narinfo").count == 1)
            }
        }

        @Test func whatAnUpstreamHasIsNotSent() async throws {
            var settings = try PushSource.settings()
            let leaf = try source.path("link-0")
            settings.upstream = [leaf.storeHash]
            try await CachixStandIn.run(settings) { server in
                try await source.push(to: server, [source.top]).requireSuccess()
                #expect(!server.completed.contains(leaf.storeBaseName))
                #expect(server.completed.count == source.paths.count - 1)
                #expect(server.complaints == [])
            }
        }

        @Test func aLinkAndAPathInsideMeanTheirStorePath() async throws {
            try await withTemporaryDirectory { directory in
                let link = directory.path("result")
                try FileManager.default.createSymbolicLink(
                    atPath: link,
                    withDestinationPath: source.lone
                )
                let inner = "\(try source.path("link-0"))/bin/link"
                let list = try directory.write("\(link)\n\n  \(inner)\n", to: "list")
                try await CachixStandIn.run(try PushSource.settings()) { server in
                    try await source.push(to: server, ["--stdin"], inputPath: list).requireSuccess()
                    let expected = [source.lone, try source.path("link-0")]
                    #expect(Set(server.completed) == Set(expected.map(\.storeBaseName)))
                }
            }
        }

        @Test func onesOwnKeySigns() async throws {
            let key = try SecretKey.generate(name: "test.cachix.org-1")
            var settings = CachixStandIn.Settings()
            settings.publicKeys = ["\(key.publicKey)"]
            try await withTemporaryDirectory { directory in
                let file = try directory.write(key.secretText(), to: "key", mode: 0o600)
                try await CachixStandIn.run(settings) { server in
                    let arguments = [source.top, "--signing-key-file", file]
                    try await source.push(to: server, arguments).requireSuccess()
                    try await withClient(.installed) { home in
                        home.use(cache: server.url, trusting: "\(key.publicKey)")
                        try await home.run("nix-store", ["--realise", source.top]).requireSuccess()
                    }
                }
            }
        }

        @Test func aDryRunTellsWhyAndSendsNothing() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                let leaf = try source.path("link-0")
                try await source.push(to: server, [leaf]).requireSuccess()
                let arguments = [source.top, "--dry-run", "--exclude", "link-1$"]
                let before = server.completed
                let outcome = try await source.push(to: server, arguments).requireSuccess()
                #expect(server.completed == before)
                let present = "skip  \(leaf)  (the cache has it, or one it relies on)"
                #expect(outcome.lines.contains(present))
                let odd = try source.path("odd")
                let excluded = try source.path("link-1")
                #expect(outcome.lines.contains("skip  \(excluded)  (--exclude link-1$)"))
                let top = "skip  \(source.top)  (it needs \(excluded), which is kept back)"
                #expect(outcome.lines.contains(top))
                #expect(outcome.lines.contains { $0.hasPrefix("send  \(odd)  (") })
            }
        }

        @Test func nothingIsSentThatNeedsWhatIsKeptBack() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                let arguments = [source.top, "--max-nar-size", "300kB"]
                let outcome = try await source.push(to: server, arguments).requireSuccess()
                #expect(outcome.text.contains("kept back"))
                let large = try source.path("large").storeBaseName
                for absent in [large, source.top.storeBaseName] {
                    #expect(!server.completed.contains(absent))
                }
                #expect(server.completed.contains(try source.path("link-7").storeBaseName))
                #expect(server.complaints == [])
                // What is there already is no hole.
                try await source.push(to: server, [large].map { "/nix/store/\($0)" })
                    .requireSuccess()
                try await source.push(to: server, [source.top, "--exclude", "large$"])
                    .requireSuccess()
                #expect(server.completed.contains(source.top.storeBaseName))
            }
        }

        @Test func jsonTellsWhatBecameOfEachPath() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                let outcome = try await source.push(to: server, [source.lone, "--json"])
                    .requireSuccess()
                let body = try #require(
                    try JSONSerialization.jsonObject(with: Data(outcome.output)) as? [String: Any]
                )
                let paths = try #require(body["paths"] as? [[String: Any]])
                #expect(paths.count == 1)
                #expect(paths[0]["path"] as? String == source.lone)
                #expect(paths[0]["outcome"] as? String == "sent")
                #expect(body["sent"] as? Int == 1)
                #expect((body["file-bytes"] as? Int ?? 0) > 0)
            }
        }

        @Test func aNARLargerThanAPartTravelsInParts() async throws {
            try await withNixStore { store in
                let big = try await store.build(
                    """
                    derivation {
                      name = "big";
                      system = builtins.currentSystem;
                      builder = "/bin/sh";
                      args = [ "-euc" "head -c 50000000 /dev/urandom > $out" ];
                      PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
                    }
                    """
                )[0]
                let own = PushSource(store: store, top: big, paths: [big], lone: big, large: big)
                try await CachixStandIn.run(try PushSource.settings()) { server in
                    try await own.push(to: server, [big]).requireSuccess()
                    #expect(server.complaints == [])
                    #expect(server.calls("PUT", containing: "/upload/").count == 6)
                    #expect(server.largestPartBytes <= 32 << 20)
                    try await withClient(.installed) { home in
                        let key = try #require(server.settings.serverKey)
                        home.use(cache: server.url, trusting: "\(key.publicKey)")
                        try await home.run("nix-store", ["--realise", big]).requireSuccess()
                    }
                }
            }
        }
    }
}
