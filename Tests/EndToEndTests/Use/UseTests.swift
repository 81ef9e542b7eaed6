// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// `firn use`, and what real clients do afterwards.
@Suite(.fewAtATime)
struct UseTests {
    @Test(arguments: NixClient.usable)
    func aPrivateCacheIsUsedWithNothingElseAndLeftWithoutATrace(_ client: NixClient) async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            try await withClient(.installed) { pusher in
                try setup.logIn(&pusher, with: token)
                try await setup.push(pusher).requireSuccess()
            }
            try await withUseHome(client) { home in
                let before = try home.files()
                let used = try await home.firn([setup.url, "--user", "--yes"], token: token)
                #expect(used.status == 0, "\(used)")
                #expect(!used.text.contains(token) && !used.errors.contains(token))
                #expect(used.text.contains("checked: nix"))
                #expect(try home.mode(home.netrc) == 0o600)
                try await home.realise(setup.top).requireSuccess()
                for path in setup.paths { #expect(home.holds(path)) }

                let after = try home.files()
                let again = try await home.firn([setup.url, "--user", "--yes"], token: token)
                #expect(again.status == 0 && again.text.contains("it is set up already"))
                #expect(try home.files() == after)

                let left = try await home.firn(["--remove", setup.url, "--user", "--yes"])
                #expect(left.status == 0, "\(left)")
                #expect(try home.files() == before)
            }
        }
    }

    @Test func aPublicCacheNeedsNoTokenAndGetsNone() async throws {
        try await withPushSetup(create: ["--public"]) { setup in
            let token = try await setup.administration.token("team", "admin,pull")
            try await withUseHome { home in
                try await home.firn([setup.url, "--user", "--yes"], token: token).requireSuccess()
                #expect(!FileManager.default.fileExists(atPath: home.netrc))
                #expect(try home.text(home.userConf).contains(setup.publicKey))
            }
        }
    }

    @Test func theMachinesFileComesBackByteByByte() async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "pull")
            try await withUseHome { home in
                let before = try home.files()
                let cache = [setup.url, "--system", "--yes"]
                let server = [setup.server.url, "--system", "--yes"]
                try await home.firn(cache, token: token).requireSuccess()
                try await home.firn(server).requireSuccess()
                let conf = try home.text(home.systemConf)
                #expect(conf.hasPrefix(UseHome.systemConf + "\n"))
                // Nix looks for it there without being told.
                #expect(!conf.contains("netrc-file"))
                #expect(try home.mode(home.directory.path("etc/netrc")) == 0o600)
                try await home.firn(["--remove"] + cache).requireSuccess()
                #expect(try home.text(home.systemConf).contains("extra-substituters"))
                try await home.firn(["--remove"] + server).requireSuccess()
                #expect(try home.files() == before)
                let nothing = try await home.firn(["--remove"] + server)
                #expect(nothing.status == 0 && nothing.text.contains("there is nothing"))
            }
        }
    }

    @Test func aCacheIsFoundByItsName() async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "pull")
            try await withUseHome { home in
                let byServer = ["team", "--server", setup.server.url, "--user", "--yes"]
                try await home.firn(byServer, token: token).requireSuccess()
                #expect(try home.text(home.userConf).contains("begin \(setup.url) as=team "))
                // Without asking anybody.
                try await home.firn(["--remove", "team", "--user", "--yes"]).requireSuccess()
                #expect(!FileManager.default.fileExists(atPath: home.userConf))
                let unknown = ["other", "--server", setup.server.url, "--user", "--yes"]
                #expect(try await home.firn(unknown, token: token).status == 4)
            }
        }
    }

    /// By the control socket, which only this user may ask; the daemon's port is in the file.
    @Test func aNameAloneIsACacheOfThisMachinesDaemon() async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "pull")
            try await withUseHome { home in
                let file = try home.directory.write(
                    """
                    [server]
                    listen = ["127.0.0.1:\(setup.server.port)"]
                    state = "\(setup.server.state)"
                    """,
                    to: "firn.toml"
                )
                let use = ["team", "--config", file, "--user", "--yes"]
                try await home.firn(use, token: token).requireSuccess()
                #expect(try home.text(home.userConf).contains(setup.publicKey))
                try await home.firn(["--remove"] + use).requireSuccess()
                #expect(!FileManager.default.fileExists(atPath: home.userConf))
            }
        }
    }

    @Test func nothingIsWrittenThatNobodyAgreedTo() async throws {
        try await withPushSetup(create: ["--public"]) { setup in
            try await withUseHome { home in
                let before = try home.files()
                let unasked = try await home.firn([setup.url, "--user"])
                #expect(unasked.status == 4 && unasked.errors.contains("--yes"))
                #expect(unasked.text.contains("+extra-substituters = \(setup.url)"))
                let shown = try await home.firn([setup.url, "--user", "--dry-run", "--json"])
                #expect(shown.status == 0 && shown.text.contains("\"state\":\"planned\""))
                #expect(try home.files() == before)
            }
        }
    }

    @Test func aKeyThatCouldBeAnybodysIsCalledThat() async throws {
        try await withPushSetup(create: ["--public"]) { setup in
            try await withUseHome { home in
                // This machine, by an address that does not look like it.
                let url = "http://[::ffff:7f00:1]:\(setup.server.port)/team"
                let unasked = try await home.firn([url, "--user"])
                #expect(unasked.status == 4, "\(unasked)")
                #expect(unasked.text.contains("over plain http, where anybody could change it"))
                let given = ["--public-key", setup.publicKey]
                let sure = try await home.firn([url, "--user", "--yes"] + given)
                #expect(sure.status == 0, "\(sure)")
                #expect(!sure.text.contains("plain http"))
            }
        }
    }

    @Test func aCacheThatOneMayNotReadIsAsOneThatIsNotThere() async throws {
        try await withPushSetup { setup in
            let identity = "/api/v1/identity"
            let absent = try await setup.get("\(identity)/absent")
            let closed = try await setup.get("\(identity)/team")
            #expect(absent.status == 404 && closed.status == 404 && absent.text == closed.text)
            let token = try await setup.administration.token("team", "pull")
            let open = try await setup.get("\(identity)/team", token)
            #expect(open.status == 200 && open.text.contains(setup.publicKey))
            let other = try await setup.administration.token("other*", "pull,push")
            #expect(try await setup.get("\(identity)/team", other).status == 404)
            // What stands behind the server is told to this machine only.
            #expect(try await !setup.get(identity).text.contains("tiers"))
            let host = [(name: "Host", value: "127.0.0.1:\(setup.server.port)")]
            let own = try await setup.server.get(identity, fields: host)
            #expect(own.text.contains("\"tiers\":[]"))
            try await withUseHome { home in
                let refused = try await home.firn([setup.url, "--user", "--yes"])
                #expect(refused.status == 4 && refused.errors.contains("--token-file"))
                #expect(
                    try await home.firn([setup.url, "--user", "--yes"], token: other).status == 4
                )
            }
        }
    }

    @Test func whoeverIsNoFirnNeedsAKeyThatIsGiven() async throws {
        try await CachixStandIn.run { server in
            try await withUseHome { home in
                let unknown = try await home.firn([server.url, "--user", "--yes"])
                #expect(unknown.status == 2 && unknown.errors.contains("--public-key"))
                let key = try SecretKey.generate(name: "mine-1").publicKey
                let given = [server.url, "--user", "--yes", "--public-key", "\(key)"]
                try await home.firn(given).requireSuccess()
                #expect(try home.text(home.userConf).contains("\(key)"))
            }
        }
        try await withUseHome { home in
            let nobody = try await home.firn(["http://127.0.0.1:1", "--user", "--yes"])
            #expect(nobody.status == 5, "\(nobody)")
        }
    }

    @Test func aKeyThatTheCacheDoesNotSignWithIsRefused() async throws {
        try await withPushSetup(create: ["--public"]) { setup in
            let token = try await setup.administration.token("team", "push,pull")
            try await withClient(.installed) { pusher in
                try setup.logIn(&pusher, with: token)
                try await setup.push(pusher).requireSuccess()
            }
            try await withUseHome { home in
                // A store of this user's that has the paths, too.
                home.extra["NIX_REMOTE"] = setup.store.root
                let name = try PublicKey(parsing: setup.publicKey).name
                let wrong = try SecretKey.generate(name: name).publicKey
                let cache = [setup.url, "--user", "--yes"]
                let refused = try await home.firn(cache + ["--public-key", "\(wrong)"])
                #expect(refused.status == 4 && refused.errors.contains(name), "\(refused)")
                #expect(!FileManager.default.fileExists(atPath: home.userConf))
                let fits = try await home.firn(cache)
                #expect(fits.text.contains("\(name) has signed "), "\(fits)")
            }
        }
    }
}
