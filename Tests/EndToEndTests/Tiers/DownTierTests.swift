// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension TierTests {
    /// Tiers that are known to be down, and tiers that come back.
    @Suite struct DownTierTests {
        private let cache: PublicCache
        private let clock = ContinuousClock()

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func manyUnknownPathsAreAnsweredAtOnceWhileTiersAreDown() async throws {
            try await withAgentOfDeadTiers { agent in
                let took = try await clock.measure {
                    try await withThrowingTaskGroup { group in
                        for _ in 0..<25 {
                            group.addTask {
                                try await agent.onConnection { connection in
                                    for _ in 0..<40 { try Self.askForUnknown(on: connection) }
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                }
                // Two seconds are promised; the others are for a busy machine.
                #expect(took < .seconds(15))
                let each = try await agent.onConnection { [clock] connection in
                    try (0..<30).map { _ in
                        try clock.measure { try Self.askForUnknown(on: connection) }
                    }
                }
                #expect(each.sorted()[15] < .seconds(1))
            }
        }

        @Test(arguments: NixClient.usable)
        func aDryRunOfUnknownPathsIsNotHeldUp(_ client: NixClient) async throws {
            let paths = (0..<300).map { _ in String.unknownPath() }
            try await withAgentOfDeadTiers { agent in
                try await withClient(client) { home in
                    home.use(agent: agent, trusting: cache.key.publicKey)
                    let took = try await clock.measure {
                        _ = try await home.run("nix-store", ["--realise", "--dry-run"] + paths)
                    }
                    #expect(took < .seconds(30))
                    #expect(try await agent.forbiddenAnswers == [])
                }
            }
        }

        @Test func aTierThatComesBackIsUsedAgain() async throws {
            try await withGate(to: cache.port) { gate in
                gate.close()
                try await withAgent(cache.tier(at: gate.url)) { agent in
                    try await agent.waitUntilTiersAreDown()
                    #expect(try await agent.narInfoStatus(of: cache.top) == 404)
                    try gate.open()
                    // Two seconds are promised; the others are for a busy machine.
                    try await wait(for: "path of the tier") {
                        try await agent.narInfoStatus(of: cache.top) == 200
                    }
                }
            }
        }

        @Test func aTierThatIsSilentAboutPathsAloneIsFoundOutByQuestionsWithPauses() async throws {
            let cache = cache
            let server = try HostileServer { target, socket in
                guard target.hasSuffix(".narinfo") else {
                    return try socket.answer(200, try read(cache.folder + target))
                }
                _ = try? socket.read()
            }
            defer { server.stop() }
            try await withAgent(cache.tier(named: "mute", at: server.url), cache.tier) { agent in
                // Probes of what it does answer lie between the questions.
                for _ in 0..<6 {
                    _ = try await agent.onConnection { try Self.askForUnknown(on: $0) }
                    try await Task.sleep(for: .milliseconds(400))
                }
                #expect(try await agent.status().tiers.first?.state == "down")
                let took = try await clock.measure {
                    try await agent.onConnection { try Self.askForUnknown(on: $0) }
                }
                #expect(took < .seconds(5))
            }
        }

        @Test func aNARThatIsElsewhereSaysNothingOfItsTier() async throws {
            let cache = cache
            let server = try HostileServer { target, socket in
                var text = String(decoding: try read(cache.folder + target), as: UTF8.self)
                // Nobody listens there.
                text.replace("URL: nar/", with: "URL: http://127.0.0.1:1/nar/")
                try socket.answer(200, Array(text.utf8))
            }
            defer { server.stop() }
            try await withAgent(cache.tier(at: server.url)) { agent in
                for path in cache.paths.prefix(5) {
                    let target = try await agent.narTarget(of: path)
                    #expect(try await agent.get(target).status == 404)
                }
                #expect(try await agent.status().tiers.first?.state == "up")
                #expect(!agent.log.contains("tier is down"))
            }
        }

        @Test func aTierThatIsDownIsAskedForAnExplanationAndToldOnce() async throws {
            try await withGate(to: cache.port) { gate in
                try await withAgent(cache.tier(at: gate.url)) { agent in
                    #expect(try await agent.narInfoStatus(of: cache.top) == 200)
                    gate.close()
                    try await agent.waitUntilTiersAreDown()
                    let down = try #require(try await agent.explanation(of: cache.top)["public"])
                    #expect(down.live.outcome == "failed")
                    #expect(down.live.reason?.hasPrefix("not reachable: ") == true, "\(down)")
                    #expect(down.live.took != nil)
                    #expect(down.remembered?.outcome == "found")
                    #expect(down.note?.hasPrefix("known to be down, so lookups do not") == true)
                    let text = try await agent.firn(["explain", cache.top]).text
                    #expect(text.contains("not reachable: ") && text.contains("known to be down"))
                    try gate.open()
                    try await wait(for: "tier to be back") {
                        agent.log.contains("tier is back")
                    }
                    let lines = agent.log.split(separator: "\n").filter { $0.contains("tier is ") }
                    try #require(lines.count == 2, "\(lines)")
                    #expect(lines[0].contains(" warning ") && lines[0].contains("tier is down"))
                    #expect(lines[0].contains("cause=not reachable: "))
                    #expect(lines[1].contains(" notice ") && lines[1].contains("tier is back"))
                }
            }
        }

        private func withAgentOfDeadTiers(_ body: (FirnServer) async throws -> Void) async throws {
            try await Hostility.silent.run(before: cache) { silent in
                try await Hostility.refused.run(before: cache) { refused in
                    let tiers = (
                        cache.tier(named: "silent", at: silent),
                        cache.tier(named: "refused", at: refused)
                    )
                    try await withAgent(tiers.0, tiers.1) { agent in
                        try await agent.waitUntilTiersAreDown()
                        try await body(agent)
                    }
                }
            }
        }

        private static func askForUnknown(on connection: HTTPConnection) throws {
            let target = "/\(String.unknownPath().storeHash).narinfo"
            let answer = try connection.ask(HTTPRequest(target))
            #expect(answer.status == 404)
        }
    }
}
