// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// The command `cachix`, with Firn in place of Cachix.
@Suite(.fewAtATime)
struct CachixTests {
    @Test(arguments: NixClient.usable, ["zstd", "xz"])
    func aClosureIsPushedInAnyOrderAndSubstituted(
        _ client: NixClient,
        _ compression: String
    ) async throws {
        try await withPushSetup { setup in
            let reader = try await setup.administration.token("team", "pull")
            var cachix = try await setup.cachix("push")
            cachix.compression = compression == "zstd" ? "zst" : compression
            cachix.chunkBytes = 50_000
            cachix.shufflesParts = true
            let paths = try await setup.packed(as: compression)
            #expect(paths.contains { $0.file.count > 4 * 50_000 })
            let done = try await cachix.push(paths.shuffled())
            #expect(Set(done) == Set(paths.map(\.baseName)))
            for path in paths { #expect(try await setup.isVisible(path, cachix)) }
            #expect(try await cachix.missing(paths.map(\.hash)) == [])
            #expect(try await cachix.push(paths) == [])
            // As Nix reads it, and as Cachix has it beneath its interface.
            let places = [setup.url, "\(setup.server.url)/api/v1/cache/team"]
            for url in places {
                try await withClient(client) { home in
                    home.use(cache: url, trusting: setup.publicKey)
                    try setup.logIn(&home, with: reader)
                    try await home.run("nix-store", ["--realise", setup.top]).requireSuccess()
                    let check = ["--verify", "--check-contents"]
                    try await home.run("nix-store", check).requireSuccess()
                }
            }
        }
    }

    @Test func aLargeNARIsUnpackedWhileItComes() async throws {
        var closure = SampleClosure.small
        closure.largeBytes = 9_000_000
        try await withPushSetup(closure: closure) { setup in
            var cachix = try await setup.cachix()
            cachix.chunkBytes = 1 << 20
            cachix.shufflesParts = true
            let paths = try await setup.packed()
            try await cachix.push(paths)
            let large = try #require(paths.first { $0.baseName.hasSuffix("-large") })
            let narInfo = try await setup.get("/team/\(large.hash).narinfo", cachix.token)
            let url = try #require(narInfo.text.firstMatch(of: /URL: (.*)\.zst/)?.1)
            let nar = try await setup.get("/team/\(url)", cachix.token)
            #expect(SHA256Hasher.hash(nar.body) == large.narInfo.narHash)
            let dump = try await setup.store.nar(of: large.storePath)
            #expect(nar.body.count == dump.count)
        }
    }

    @Test func whatComesBeforeItsReferencesCanBeSeenAfterThem() async throws {
        try await withPushSetup { setup in
            let cachix = try await setup.cachix()
            let other = try await setup.cachix()
            let paths = try await setup.packed()
            // Everything but what all depends on, the top first.
            let leaf = try #require(paths.first { $0.narInfo.references.isEmpty })
            let rest = paths.filter { $0.hash != leaf.hash }
            let needing = rest.filter { !$0.narInfo.references.isEmpty }
            try await cachix.pushAll(rest.reversed())
            let top = try #require(paths.first { $0.storePath == setup.top })
            #expect(try await setup.isVisible(top, cachix) == false)
            // It need not come again from the same sender; nobody else can rely on that.
            #expect(try await cachix.missing(paths.map(\.hash)) == [leaf.hash])
            let missingToOthers = try await other.missing(paths.map(\.hash))
            #expect(missingToOthers.contains(top.hash))
            #expect(!needing.isEmpty)
            try await cachix.pushAll([leaf])
            for path in paths { #expect(try await setup.isVisible(path, cachix)) }
        }
    }

    @Test func aKilledServerIsPushedToAgain() async throws {
        try await withPushSetup { setup in try await killAndPush(setup) }
    }

    private func killAndPush(_ setup: PushSetup) async throws {
        let cachix = try await setup.cachix()
        let paths = try await setup.packed()
        let leaf = try Self.leaf(of: paths)
        try await cachix.pushAll(paths.filter { $0.hash != leaf.hash }.reversed())
        let upload = try await cachix.begin()
        let url = try await cachix.announce(leaf.file, 1, upload)
        try await setup.server.kill()
        let server = try await setup.server.restarted()
        let again = CachixClient(port: server.port, token: cachix.token)
        let place = url.replacing(":\(setup.server.port)/", with: ":\(server.port)/")
        // What waited is gone with the process, and so is what was begun.
        let missing = try await again.missing(paths.map(\.hash))
        #expect(Set(missing).isSuperset(of: [leaf.hash, setup.top.storeHash]))
        let part = try await again.put(leaf.file, to: place)
        #expect(part.status == 404)
        let completed = try await refusal { try await again.complete(upload, leaf, nil) }
        #expect(completed == 404)
        try await again.push(paths)
        let left = try await again.missing(paths.map(\.hash))
        #expect(left == [])
        try await server.stop()
    }

    private static func leaf(of paths: [PackedStorePath]) throws -> PackedStorePath {
        try #require(paths.first { $0.narInfo.references.isEmpty })
    }

    @Test func theFactsAreThoseOfTheVisitor() async throws {
        try await withPushSetup { setup in
            for (allow, permission) in [
                ("pull", "Read"), ("push", "Write"), ("admin,pull", "Admin"),
            ] {
                let cache = try await setup.cachix(allow).cache()
                #expect(cache.permission == permission)
                #expect(cache.name == "team" && !cache.isPublic)
                #expect(cache.uri == "http://127.0.0.1:\(setup.server.port)/team")
                #expect(cache.publicSigningKeys == [setup.publicKey])
                #expect(cache.preferredCompressionMethod == "ZSTD")
                #expect(cache.githubUsername.isEmpty)
            }
        }
    }

    @Test func aPrivateCacheIsAsOneThatIsNotThere() async throws {
        try await withPushSetup { setup in
            try await setup.administration.firn("cache", "create", "open", "--public")
                .requireSuccess()
            let stranger = try await setup.administration.token("open", "pull,push")
            let hash = setup.top.storeHash
            let asked: [(String, String, [UInt8]?)] = [
                ("GET", "", nil), ("POST", "/narinfo", Array("[\"\(hash)\"]".utf8)),
                ("HEAD", "/\(hash).narinfo", nil), ("GET", "/nix-cache-info", nil),
                ("POST", "/multipart-nar?compression=zst", []), ("POST", "/pin", Array("{}".utf8)),
                ("POST", "/key", Array("{}".utf8)),
            ]
            for (token, status) in [("", 401), ("firn_nonsense", 401), (stranger, 404)] {
                for (method, place, body) in asked {
                    var texts: [String] = []
                    for name in ["team", "none"] {
                        var client = CachixClient(port: setup.server.port, token: token)
                        client.name = name
                        let answer = try await client.ask(method, place, body)
                        #expect(answer.status == status, "\(method) \(name) \(place)")
                        texts.append(answer.text.replacing(name, with: "NAME"))
                    }
                    #expect(texts[0] == texts[1])
                }
            }
            var anybody = CachixClient(port: setup.server.port, token: "")
            anybody.name = "open"
            #expect(try await anybody.cache().permission == "Read")
            #expect(try await anybody.missing([hash]) == [hash])
            #expect(try await anybody.ask("HEAD", "/\(hash).narinfo").status == 404)
            let status2 = try await refusal { _ = try await anybody.begin() }
            #expect(status2 == 401)
        }
    }

    @Test func pathsArePinned() async throws {
        try await withPushSetup { setup in
            let cachix = try await setup.cachix()
            let paths = try await setup.packed()
            let status3 = try await refusal { try await cachix.pin("release", setup.top) }
            #expect(status3 == 422)
            try await cachix.push(paths)
            let keeps = [
                "null": "revisions\":1", "{\"tag\":\"Days\",\"contents\":7}": "days\":7",
                "{\"tag\":\"Revisions\",\"contents\":3}": "revisions\":3",
                "{\"tag\":\"Forever\"}": "revisions\":1000",
            ]
            for (keep, shown) in keeps {
                try await cachix.pin("release", setup.top, keep: keep)
                let list = try await setup.administration.firn("pin", "list", "team", "--json")
                #expect(list.text.contains("keep-\(shown)"), "\(list.text)")
                #expect(list.text.contains(setup.top))
            }
            for keep in ["{\"tag\":\"Days\",\"contents\":0}", "{\"tag\":\"Never\"}", "7"] {
                let status = try await refusal {
                    try await cachix.pin("release", setup.top, keep: keep)
                }
                #expect(status == 400)
            }
            let reader = try await setup.cachix("pull")
            let status4 = try await refusal { try await reader.pin("release", setup.top) }
            #expect(status4 == 403)
        }
    }

    /// A key that nothing would be signed by is refused, with the reason.
    @Test func theCacheSignsByItself() async throws {
        try await withPushSetup { setup in
            let cachix = try await setup.cachix()
            let key = try SecretKey.generate(name: "team-1").publicKey
            let body = Array("{\"publicKey\":\"\(Base64.encode(key.bytes))\"}".utf8)
            let answer = try await cachix.ask("POST", "/key", body)
            #expect(answer.status == 409 && answer.text.contains(setup.publicKey))
            let paths = try await setup.packed()
            let upload = try await cachix.begin()
            let leaf = try #require(paths.first { $0.narInfo.references.isEmpty })
            _ = try await cachix.sendParts(of: leaf, upload)
            let signature = Base64.encode([UInt8](repeating: 7, count: 64))
            try await cachix.complete(upload, leaf, nil) {
                $0 = $0.replacing("\"cSig\":null", with: "\"cSig\":\"\(signature)\"")
            }
            let narInfo = try await setup.get("/team/\(leaf.hash).narinfo", cachix.token)
            #expect(narInfo.text.matches(of: /Sig:/).count == 1)
            #expect(!narInfo.text.contains(signature))
        }
    }
}
