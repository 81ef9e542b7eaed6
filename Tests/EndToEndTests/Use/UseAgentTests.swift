// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// `firn use --agent`: this machine's daemon as the only cache.
@Suite(.fewAtATime)
struct UseAgentTests {
    @Test(arguments: NixClient.usable)
    func theDaemonIsTheOnlyCacheAndItsTiersAreTrusted(_ client: NixClient) async throws {
        try await withPushSetup(create: ["--public"]) { setup in
            let token = try await setup.administration.token("team", "push")
            try await withClient(.installed) { pusher in
                try setup.logIn(&pusher, with: token)
                try await setup.push(pusher).requireSuccess()
            }
            try await withNixStore { store in
                try await store.initialise()
                var agent = ServerSetup(storeRoot: store.root)
                agent.tiers = [TierSetup("team", at: setup.url, trusting: [setup.publicKey])]
                try await withServer(agent) { server in
                    try await useIt(client, server, setup)
                }
            }
        }
    }

    private func useIt(
        _ client: NixClient,
        _ server: FirnServer,
        _ setup: PushSetup
    ) async throws {
        try await withUseHome(client) { home in
            let before = try home.files()
            try home.directory.makeDirectory("home/.config/nix")
            try home.directory.write(
                "extra-substituters = http://192.0.2.1\n",
                to: "home/.config/nix/nix.conf"
            )
            let use = [server.url, "--agent", "--user", "--yes"]
            let used = try await home.firn(use).requireSuccess()
            #expect(used.text.contains("checked: nix"))
            let conf = try home.text(home.userConf)
            #expect(conf.contains("\nsubstituters = \(server.url)\n"))
            #expect(conf.contains("\nnarinfo-cache-negative-ttl = 0\n"))
            #expect(conf.contains(setup.publicKey))
            try await home.realise(setup.top).requireSuccess()
            for path in setup.paths { #expect(home.holds(path)) }
            #expect(try await home.firn(use).requireSuccess().text.contains("already"))
            try await home.firn(["--remove"] + use).requireSuccess()
            let last = try home.text(home.userConf)
            #expect(last == "extra-substituters = http://192.0.2.1\n")
            #expect(try home.files().count == before.count + 3)
        }
    }
}
