// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension PushSuites {
    /// What was pushed to a named cache is what real clients get back.
    @Suite struct PushToFirnTests {
        private let source: PushSource

        init() throws {
            source = try PushSource.prepared()
        }

        @Test(arguments: NixClient.usable)
        func aClosureThatWasPushedIsSubstituted(_ client: NixClient) async throws {
            try await withTeamCache { team in
                let outcome = try await team.push(source, [source.top, source.large])
                    .requireSuccess()
                let count = source.paths.count + 1
                #expect(outcome.text.hasPrefix("sent \(count) of \(count) paths to team: "))
                for path in source.paths + [source.large] {
                    #expect(try await team.has(path), "\(path)")
                }
                try await withClient(client) { home in
                    home.use(cache: "\(team.server.url)/team", trusting: team.publicKey)
                    let realise = ["--realise", source.top, source.large]
                    try await home.run("nix-store", realise).requireSuccess()
                    try await home.run("nix-store", ["--verify", "--check-contents"])
                        .requireSuccess()
                }
            }
        }

        @Test func aSecondPushSendsNothing() async throws {
            try await withTeamCache { team in
                try await team.push(source, [source.top]).requireSuccess()
                let again = try await team.push(source, [source.top]).requireSuccess()
                #expect(again.text.hasPrefix("nothing to send to team: it has"))
            }
        }

        @Test func aTokenPushesFromElsewhereInFewRequests() async throws {
            try await withTeamCache { team in
                let token = try await team.administration.token("team", "push")
                try await PushRelay.run(to: team.server.port) { relay in
                    let url = "\(relay.url)/team"
                    try await team.push(source, to: url, token, [source.top]).requireSuccess()
                    #expect(relay.steps.count { $0 == "plan" } == 1)
                    #expect(relay.steps.count { $0 == "begin" } == 0)
                    #expect(relay.steps.count { $0 == "bundle" } < source.paths.count)
                    for path in source.paths { #expect(try await team.has(path), "\(path)") }
                }
            }
        }

        @Test func aDryRunTellsWhyAndSendsNothing() async throws {
            try await withTeamCache { team in
                let leaf = try source.path("link-0")
                try await team.push(source, [leaf]).requireSuccess()
                let arguments = [source.top, "--dry-run", "--exclude", "link-1$"]
                let outcome = try await team.push(source, arguments).requireSuccess()
                #expect(outcome.lines.contains("skip  \(leaf)  (the cache has it)"))
                let excluded = try source.path("link-1")
                #expect(outcome.lines.contains("skip  \(excluded)  (--exclude link-1$)"))
                let top = "skip  \(source.top)  (it needs \(excluded), which is kept back)"
                #expect(outcome.lines.contains(top))
                let odd = try source.path("odd")
                #expect(outcome.lines.contains { $0.hasPrefix("send  \(odd)  (") })
                #expect(try await !team.has(odd))
            }
        }

        /// A second cache need not be sent what the first one has: it is proved.
        @Test func whatAnotherCacheHasIsProvedAndNotSent() async throws {
            try await withTeamCache { team in
                try await team.push(source, [source.large, source.top]).requireSuccess()
                try await team.administration.firn("cache", "create", "other", "--public")
                    .requireSuccess()
                let token = try await team.administration.token("other", "push")
                try await PushRelay.run(to: team.server.port) { relay in
                    let url = "\(relay.url)/other"
                    let all = [source.large, source.top]
                    let plan = try await team.push(source, to: url, token, all + ["--dry-run"])
                    #expect(plan.lines.contains { $0.hasPrefix("prove \(source.large)  (") })
                    let outcome = try await team.push(source, to: url, token, all)
                        .requireSuccess()
                    let count = source.paths.count + 1
                    #expect(outcome.text.contains("of \(count) paths by proof"))
                    #expect(relay.steps.allSatisfy { ["plan", "prove", "commit"].contains($0) })
                    // Nine megabytes are in one of them.
                    #expect(relay.forwardedBytes < 200_000)
                }
                for path in source.paths + [source.large] {
                    #expect(try await team.has(path, cache: "other"), "\(path)")
                }
            }
        }

        @Test func nobodyEverSeesAHole() async throws {
            try await withTeamCache { team in
                let hashes = Dictionary(
                    uniqueKeysWithValues: source.paths.map { ($0.storeHash, $0) }
                )
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await team.push(source, ["--jobs", "2", source.top]).requireSuccess()
                    }
                    group.addTask {
                        while !Task.isCancelled, try await !team.has(source.top) {
                            for path in source.paths.shuffled() {
                                try await Self.expectNoHole(path, team, hashes)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                for path in source.paths { try await Self.expectNoHole(path, team, hashes) }
            }
        }

        private static func expectNoHole(
            _ path: String,
            _ team: TeamCache,
            _ hashes: [String: String]
        ) async throws {
            let answer = try await team.server.get("/team/\(path.storeHash).narinfo")
            guard answer.status == 200 else { return }
            let references = answer.text.firstMatch(of: /References: (.*)/)?.1 ?? ""
            for reference in references.split(separator: " ") {
                let hash = String(reference.prefix(32))
                let status = try await team.server.get("/team/\(hash).narinfo").status
                #expect(status == 200, "\(path) is there without \(reference)")
            }
        }

        @Test func jsonTellsWhatBecameOfEachPath() async throws {
            try await withTeamCache { team in
                let outcome = try await team.push(source, [source.lone, "--json"]).requireSuccess()
                let body = try #require(
                    try JSONSerialization.jsonObject(with: Data(outcome.output)) as? [String: Any]
                )
                let paths = try #require(body["paths"] as? [[String: Any]])
                #expect(paths.map { $0["path"] as? String } == [source.lone])
                #expect(paths[0]["outcome"] as? String == "sent")
                #expect(body["cache"] as? String == "team")
            }
        }

        @Test func whatIsBuiltMeanwhileIsSent() async throws {
            try await withTeamCache { team in
                try await withNixStore { store in
                    let name = "built-meanwhile"
                    let build = try store.buildCommand(
                        """
                        derivation {
                          name = "\(name)"; system = builtins.currentSystem;
                          builder = "/bin/sh"; args = [ "-c" "echo $RANDOM > $out" ];
                        }
                        """
                    )
                    try await store.initialise()
                    let own = PushSource(store: store, top: "", paths: [], lone: "", large: "")
                    let fixed = ["watch-exec", "team", "--config", team.server.configurationPath]
                    var command = team.command(
                        own,
                        fixed + ["--", build.program] + build.arguments,
                        nil
                    )
                    command.environment.merge(build.environment) { $1 }
                    let outcome = try await command.run(deadline: .seconds(120)).requireSuccess()
                    let path = try #require(outcome.lines.first { $0.hasSuffix(name) })
                    #expect(try await team.has(path))
                }
            }
        }

        @Test func aPinTakesTheSameNames() async throws {
            try await withTeamCache { team in
                try await team.push(source, [source.lone]).requireSuccess()
                let token = try await team.administration.token("team", "push")
                let url = "\(team.server.url)/team"
                let pin = ["pin", url, "release", source.lone]
                let firn = team.administration
                try await firn.firn(pin, token: token).requireSuccess()
                let list = try await firn.firn("pin", "list", "team").requireSuccess()
                #expect(list.text.contains(source.lone))
            }
        }
    }
}
