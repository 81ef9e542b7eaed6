// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Synchronization
import Testing

extension TierTests {
    /// An upstream that goes away in the middle of a NAR.
    @Suite struct LostUpstreamTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func aTierThatComesBackBringsTheRest() async throws {
            try await withGate(to: cache.port) { gate in
                gate.closes(afterBytes: 32_000_000)
                try await withAgent(cache.tier(at: gate.url)) { agent in
                    let target = try await agent.narTarget(of: cache.big)
                    async let answer = agent.get(target)
                    try await wait(for: "upstream to be lost") { !gate.isOpen }
                    // So long a builder takes to start again.
                    try await Task.sleep(for: .seconds(2))
                    try gate.open()
                    try await expectWhole(answer)
                    #expect(gate.narCount >= 2)
                }
            }
        }

        @Test func anotherTierGoesOnWhereTheFirstEnded() async throws {
            try await withGate(to: cache.port) { first in
                try await withGate(to: cache.port) { second in
                    first.closes(afterBytes: 32_000_000)
                    let tiers = (
                        cache.tier(named: "first", at: first.url),
                        cache.tier(named: "second", at: second.url)
                    )
                    try await withAgent(tiers.0, tiers.1) { agent in
                        let target = try await agent.narTarget(of: cache.big)
                        try await expectWhole(agent.get(target))
                        #expect(first.narCount == 1)
                        #expect(second.narCount == 1)
                    }
                }
            }
        }

        @Test func anotherAddressOfTheSameTierGoesOn() async throws {
            try await withGate(to: cache.port) { first in
                try await withGate(to: cache.port) { second in
                    first.closes(afterBytes: 32_000_000)
                    var tier = cache.tier(at: first.url)
                    tier.urls.append(second.url)
                    try await withAgent(tier) { agent in
                        let target = try await agent.narTarget(of: cache.big)
                        try await expectWhole(agent.get(target))
                        #expect(first.narCount + second.narCount >= 1)
                        // Whichever was chosen, what follows comes by the other one.
                        first.close()
                        let path = cache.pieces[0]
                        let next = try await agent.narTarget(of: path)
                        let answer = try await agent.get(next)
                        #expect(try Bytes(answer.body) == Bytes(cache.file(of: path)))
                        #expect(second.narCount >= 1)
                    }
                }
            }
        }

        @Test func withNobodyLeftTheConnectionIsBrokenOff() async throws {
            let cache = cache
            let asked = Mutex(0)
            let server = try HostileServer { target, socket in
                let file = try read(cache.folder + target)
                guard target.contains("/nar/") else { return try socket.answer(200, file) }
                let isFirst = asked.withLock { count in
                    count += 1
                    return count == 1
                }
                guard isFirst else { return try socket.answer(404, []) }
                try socket.writeHead(200, length: file.count)
                try socket.write(file.prefix(file.count / 2))
            }
            defer { server.stop() }
            try await withAgent(cache.tier(at: server.url)) { agent in
                let answer = try await agent.get(try await agent.narTarget(of: cache.big))
                #expect(answer.status == 200)
                #expect(!answer.isComplete)
            }
        }

        @Test func wrongBytesOfALargeNARNeverEndCleanlyAndAreNotAskedForAgain() async throws {
            try await Hostility.wrongBytes.run(before: cache) { url in
                let hostile = cache.tier(named: "hostile", at: url)
                try await withAgent(hostile, cache.tier) { agent in
                    let target = try await agent.narTarget(of: cache.big)
                    let wrong = try await agent.get(target)
                    #expect(!wrong.isComplete)
                    try await expectWhole(agent.get(target))
                    let tier = try #require(try await agent.status().tiers.first)
                    #expect(tier.failures > 0)
                    #expect(tier.lastFailure?.contains("not those of the hash") == true)
                }
            }
        }

        private func expectWhole(_ answer: HTTPAnswer) throws {
            #expect(answer.status == 200)
            #expect(answer.isComplete)
            let file = try cache.file(of: cache.big)
            #expect(Bytes(answer.body) == Bytes(file))
        }
    }
}
