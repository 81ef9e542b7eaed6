// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Synchronization
import Testing

extension TierTests {
    /// A first tier that answers what it has at once, and is no good at NARs.
    @Suite struct SlowTierTests {
        private let cache: PublicCache
        private let clock = ContinuousClock()

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test(arguments: [Hostility.silentNAR, .headOfNAR, .drippingNAR, .stallingNAR])
        func itCostsASecondOrTwoOnceAndThenNothing(_ hostility: Hostility) async throws {
            try await hostility.run(before: cache) { url in
                let slow = cache.tier(named: "slow", at: url)
                try await withAgent(slow, cache.tier) { agent in
                    let first = try await time(cache.pieces[0], from: agent)
                    let next = try await time(cache.pieces[1], from: agent)
                    // Two seconds and a half are promised; the others are for a busy machine.
                    #expect(first < .seconds(9))
                    #expect(next < .seconds(5))
                }
            }
        }

        @Test func aSlowTierThatIsAloneIsReadToTheEnd() async throws {
            let cache = cache
            let path = cache.pieces[2]
            let server = try HostileServer { target, socket in
                let file = try read(cache.folder + target)
                guard target.contains("/nar/") else { return try socket.answer(200, file) }
                try socket.writeHead(200, length: file.count)
                // A modem does two to seven kilobytes a second; nobody has to see all of it at that.
                for start in stride(from: 0, to: 20_000, by: 400) {
                    try socket.write(file[start..<start + 400])
                    Thread.sleep(forTimeInterval: 0.1)
                }
                try socket.write(file[20_000...])
                socket.finishWriting()
                _ = try? socket.read()
            }
            defer { server.stop() }
            let silent = Hostility.silent
            try await silent.run(before: cache) { url in
                let tiers = (
                    cache.tier(named: "slow", at: server.url),
                    cache.tier(named: "silent", at: url)
                )
                try await withAgent(tiers.0, tiers.1) { agent in
                    let took = try await time(path, from: agent)
                    #expect(took > .seconds(2), "it was meant to be slow")
                }
            }
        }

        private func time(_ path: String, from agent: FirnServer) async throws -> Duration {
            let target = try await agent.narTarget(of: path)
            let file = try cache.file(of: path)
            return try await clock.measure {
                let answer = try await agent.get(target)
                #expect(answer.isComplete && Bytes(answer.body) == Bytes(file))
            }
        }
    }
}
