// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// `firn cache` and `firn token`, beside a daemon and from elsewhere.
@Suite(.fewAtATime)
struct CacheCommandTests {
    private func withCaches(
        _ lines: [String] = [],
        _ body: (CacheAdministration) async throws -> Void
    ) async throws {
        try await withNixStore { store in
            try await store.initialise()
            var setup = ServerSetup(storeRoot: store.root)
            setup.lastLines = lines
            try await withServer(setup) { try await body(CacheAdministration(server: $0)) }
        }
    }

    @Test func aCacheIsMadeShownChangedAndDeleted() async throws {
        try await withCaches { caches in
            let made = try await caches.firn("cache", "create", "team", "--quota", "5GB")
            #expect(made.status == 0, "\(made)")
            #expect(try await caches.firn("cache", "create", "team").status == 1)
            let info = try await caches.info("team")
            #expect(info.contains("\"quota-bytes\":5000000000"))
            #expect(info.contains("\"public\":false"))
            let key = try #require(info.firstMatch(of: /"public-key":"(team\.[^:]*-1:[^"]*)"/)?.1)

            let changed = try await caches.firn(
                "cache",
                "configure",
                "team",
                "--public",
                "--retention",
                "90d"
            )
            #expect(changed.status == 0, "\(changed)")
            let after = try await caches.info("team")
            #expect(after.contains("\"quota-bytes\":5000000000"))
            #expect(after.contains("\"retention-seconds\":7776000"))
            #expect(after.contains("\"public\":true"))
            _ = try await caches.firn("cache", "configure", "team", "--quota", "none")
            let unknown = try await caches.firn("cache", "info", "other")
            #expect(unknown.status == 1 && unknown.errors.contains("there is no cache other"))
            let unpinned = try await caches.firn("pin", "remove", "team", "release")
            #expect(unpinned.status == 1 && unpinned.errors.contains("there is no pin release"))
            #expect(try await !caches.info("team").contains("quota-bytes"))
            #expect(try await caches.firn("cache", "configure", "team").status == 2)

            #expect(try await caches.firn("cache", "list").text.contains("team"))
            let unasked = try await caches.firn("cache", "delete", "team")
            #expect(unasked.status == 4)
            #expect(unasked.errors.contains("--yes team"))
            #expect(try await caches.firn("cache", "delete", "team", "--yes", "tea").status == 2)
            #expect(try await caches.firn("cache", "delete", "team", "--yes", "team").status == 0)
            #expect(try await caches.firn("cache", "info", "team").status == 1)
            // The key stays: what clients trust goes on to be what signs.
            _ = try await caches.firn("cache", "create", "team")
            #expect(try await caches.info("team").contains(key))
            let file = "\(caches.server.state)/cache-keys/team"
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }

    @Test(arguments: ["nar", "log", "serve", "api", "nix-cache-info", "Team", "../x", "a.narinfo"])
    func aNameThatCannotBeIsRefused(_ name: String) async throws {
        try await withCaches { caches in
            let outcome = try await caches.firn("cache", "create", "--", name)
            #expect(outcome.status == 2, "\(outcome)")
            #expect(outcome.errors.contains("\"\(name)\""))
        }
    }

    @Test func aTokenIsShownOnceAndRevokedAtOnce() async throws {
        try await withCaches { caches in
            _ = try await caches.firn("cache", "create", "team")
            let token = try await caches.token("team*", "admin,pull")
            let list = try await caches.firn("token", "list", "--json").text
            #expect(!list.contains(token) && !caches.server.log.contains(token))
            let id = try #require(list.firstMatch(of: /"id":"([^"]*)"/)?.1)

            let elsewhere = ["--server", caches.server.url]
            let shown = try await caches.firn(["cache", "list"] + elsewhere, token: token)
            #expect(shown.status == 0 && shown.text.contains("team"), "\(shown)")
            let revoked = ContinuousClock.now
            #expect(try await caches.firn("token", "revoke", String(id)).status == 0)
            let refused = try await caches.firn(["cache", "list"] + elsewhere, token: token)
            #expect(refused.status == 4, "\(refused)")
            #expect(ContinuousClock.now - revoked < .seconds(10))
            #expect(try await caches.firn("token", "revoke", String(id)).status == 1)
            #expect(try await caches.firn(["cache", "list"] + elsewhere).status == 2)
            // No secret on the disk either.
            for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
                let path = "\(caches.server.state)/depot/\(name)"
                let bytes = try Data(contentsOf: URL(filePath: path))
                #expect(bytes.firstRange(of: Data(token.utf8)) == nil)
            }
        }
    }

    @Test func anAdministratorReachesNoFurtherThanItsToken() async throws {
        try await withCaches { caches in
            for name in ["team-a", "other"] { _ = try await caches.firn("cache", "create", name) }
            let admin = try await caches.token("team-*", "admin")
            let plain = try await caches.token("*", "pull,push,delete")
            let elsewhere = ["--server", caches.server.url]
            func status(_ arguments: [String], _ token: String) async throws -> Int32 {
                try await caches.firn(arguments + elsewhere, token: token).status
            }
            #expect(try await status(["cache", "list"], plain) == 4)
            #expect(try await status(["cache", "create", "team-b"], admin) == 0)
            #expect(try await status(["cache", "create", "mine"], admin) == 4)
            // The same as for what is not there.
            #expect(try await status(["cache", "info", "other"], admin) == 1)
            #expect(try await status(["cache", "delete", "other", "--yes", "other"], admin) == 1)
            let wide = ["token", "create", "--cache", "*", "--allow", "push"]
            #expect(try await status(wide, admin) == 4)
            let narrow = ["token", "create", "--cache", "team-b", "--allow", "push"]
            #expect(try await status(narrow, admin) == 0)
            let list = try await caches.firn(["cache", "list", "--json"] + elsewhere, token: admin)
            #expect(list.text.contains("team-a") && !list.text.contains("other"))
            let tokens = try await caches.firn(["token", "list"] + elsewhere, token: admin)
            #expect(!tokens.text.contains("pull,push,delete"))
        }
    }

    @Test func anExpiredTokenOpensNothing() async throws {
        try await withCaches { caches in
            let token = try await caches.token("*", "admin", expires: "1s")
            let arguments = ["cache", "list", "--server", caches.server.url]
            try await wait(for: "end of the token") {
                try await caches.firn(arguments, token: token).status == 4
            }
            #expect(try await caches.firn("token", "list").text.contains("(expired)"))
        }
    }

    @Test func aDeclaredCacheIsWhatTheFileSays() async throws {
        let lines = [
            "[[cache]]", "name = \"team\"", "quota = \"5GB\"", "public = true", "upstreams = []",
        ]
        try await withCaches(lines) { caches in
            let info = try await caches.info("team")
            #expect(info.contains("\"declared\":true") && info.contains("\"public\":true"))
            #expect(info.contains("\"upstreams\":[]"))
            let refused = try await caches.firn("cache", "configure", "team", "--quota", "1GB")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("declared in the server's firn.toml"))
            let kept = try await caches.firn("cache", "delete", "team", "--yes", "team")
            #expect(kept.status == 1)
        }
    }

    @Test func withoutADaemonTheLineSaysSo() async throws {
        try await withTemporaryDirectory { folder in
            let config = try folder.write("[server]\nstate = \"\(folder.path)\"\n", to: "firn.toml")
            for command in [["cache", "list"], ["token", "list"]] {
                let outcome = try await Command(
                    FirnServer.programme,
                    command + ["--config", config]
                ).run(deadline: .seconds(30))
                #expect(outcome.status == 5)
                #expect(outcome.errors.contains("no Firn is running there"))
            }
        }
    }

    @Test func cachesAndTokensSurviveAPowerCutAndCachesALostCatalog() async throws {
        try await withNixStore { store in
            try await store.initialise()
            try await withTemporaryDirectory { folder in
                var setup = ServerSetup(storeRoot: store.root)
                setup.depotLocation = folder.path("depot")
                let token = try await withServer(setup) { try await makeCacheAndCutPower(of: $0) }
                try await withServer(setup) { try await requireCache(at: $0, and: token) }
                for suffix in ["", "-wal", "-shm"] {
                    let path = folder.path("depot/catalog.sqlite\(suffix)")
                    try? FileManager.default.removeItem(atPath: path)
                }
                try await withServer(setup) { try await requireCacheWithoutTokens(at: $0) }
            }
        }
    }

    private func makeCacheAndCutPower(of server: FirnServer) async throws -> String {
        let caches = CacheAdministration(server: server)
        _ = try await caches.firn("cache", "create", "team", "--quota", "5GB").requireSuccess()
        let token = try await caches.token("*", "admin")
        try await server.kill()
        return token
    }

    private func requireCache(at server: FirnServer, and token: String) async throws {
        let caches = CacheAdministration(server: server)
        #expect(try await caches.info("team").contains("5000000000"))
        let arguments = ["token", "list", "--server", server.url]
        #expect(try await caches.firn(arguments, token: token).status == 0)
    }

    private func requireCacheWithoutTokens(at server: FirnServer) async throws {
        let caches = CacheAdministration(server: server)
        #expect(try await caches.info("team").contains("5000000000"))
        // Its key was in the state folder, which this server does not have.
        #expect(server.log.contains("cannot be pushed to"))
        #expect(try await caches.firn("token", "list").text.contains("no tokens"))
    }
}
