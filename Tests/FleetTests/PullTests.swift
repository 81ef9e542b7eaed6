// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Foundation
import NixFormat
import Synchronization
import Testing

/// A real Nix as the host, and caches in the ways in which they are bad.
@Suite struct PullTests {
    @Test func whatTheNearestTierHasComesFromIt() async throws {
        try await withCaches { caches in
            let progress = Mutex<[PullProgress]>([])
            let report = try await caches.pull([caches.near, caches.far]) { step in
                progress.withLock { $0.append(step) }
            }
            #expect(report.tiers.map(\.paths) == [caches.closure.count, 0])
            #expect(report.tiers[0].narBytes > 0)
            #expect(report.misses == [])
            #expect(report.unfetchedPaths == 0)
            #expect(try await caches.hostHasAll())
            #expect(report.use.map { $0.cpuSeconds > 0 } == true)
            let steps = progress.withLock { $0 }
            let last = try #require(steps.last)
            #expect(last.paths == caches.closure.count)
            #expect(last.expectedPaths == caches.closure.count)
            #expect(last.bytes == report.narBytes)
            // Again, there is nothing to do, and nobody is asked.
            let again = try await caches.pull(tiers: [try caches.dead()])
            #expect(again.wasThere && again.paths == 0)
        }
    }

    @Test func saysForEachPathWhyTheNearerTierDidNotGiveIt() async throws {
        try await withCaches { caches in
            let (missing, unsigned, foreign) = (caches.link(0), caches.link(1), caches.link(2))
            try caches.near.remove(missing)
            try caches.near.edit(unsigned) { $0.removingSignatures }
            try caches.near.edit(foreign) { $0.renamingKey(to: "other-1") }
            let report = try await caches.pull([caches.near, caches.far])
            #expect(report.tiers.map(\.paths) == [caches.closure.count - 3, 3])
            #expect(report.tiers[0].misses == ["absent": 1, "unsigned": 1, "wrong-key": 1])
            let reasons = Dictionary(
                uniqueKeysWithValues: report.misses.map { ($0.path, $0.reasons.map(\.kind)) }
            )
            #expect(reasons[missing.storeBaseName] == [.absent])
            #expect(reasons[unsigned.storeBaseName] == [.unsigned])
            #expect(reasons[foreign.storeBaseName] == [.wrongKey])
            #expect(report.misses.allSatisfy { $0.from == "far" })
            #expect(report.misses.contains { $0.explanation.contains("other-1") })
            #expect(try await caches.hostHasAll())
        }
    }

    /// Nix up to 2.31 gives up where one cache answers with an error, whoever else has the path.
    @Test func aTierThatFailsHidesNoOther() async throws {
        try await withCaches { caches in
            let top = caches.top.storeHash
            let narInfo = try String(
                contentsOfFile: "\(caches.near.folder)/\(top).narinfo",
                encoding: .utf8
            )
            try await withScriptedServer { request in
                switch request.target {
                case "/nix-cache-info":
                    .answer(status: 200, type: "text/plain", body: "StoreDir: /nix/store\n")
                case "/\(top).narinfo": .answer(status: 200, type: "text/plain", body: narInfo)
                default: .answer(status: 500, type: "text/plain", body: "no\n")
                }
            } _: { server in
                let tier = try PullTier(
                    name: "broken",
                    addresses: [server.url],
                    publicKeys: [caches.near.publicKey]
                )
                let report = try await caches.pull(tiers: [tier, caches.far.tier()])
                #expect(report.tiers[1].paths == caches.closure.count)
                #expect(report.misses.flatMap(\.reasons).contains { $0.kind == .failed })
                #expect(report.misses.contains { $0.explanation.contains("500") })
                #expect(try await caches.hostHasAll())
            }
        }
    }

    @Test func aDeadAddressIsPassedOverForTheNextOfTheSameTier() async throws {
        try await withCaches { caches in
            let tier = try PullTier(
                name: "near",
                addresses: ["http://127.0.0.1:1", caches.near.address],
                publicKeys: [caches.near.publicKey]
            )
            let report = try await caches.pull(tiers: [tier, caches.far.tier()])
            #expect(report.tiers[0].address == caches.near.address)
            #expect(report.tiers[0].paths == caches.closure.count)
        }
    }

    @Test func aDeadTierIsSaidToBeUnreachable() async throws {
        try await withCaches { caches in
            let report = try await caches.pull(tiers: [try caches.dead(), caches.far.tier()])
            #expect(report.tiers[0].address == nil)
            #expect(report.tiers[0].trouble?.isEmpty == false)
            #expect(report.tiers[0].misses == ["unreachable": caches.closure.count])
            #expect(report.tiers[1].paths == caches.closure.count)
        }
    }

    /// The derivations are there, and the host may build; still nothing is built.
    @Test func whatNobodyHasIsAnErrorAndNeverABuild() async throws {
        try await withCaches { caches in
            let words = ["nix-instantiate", "--expr", caches.expression]
            let request = RemoteRequest(words, asRoot: true, deadline: .seconds(60))
            #expect(try await caches.shell.run(request).exitCode == 0)
            try caches.near.remove(caches.link(0))
            try caches.far.edit(caches.link(0)) { $0.removingSignatures }
            await #expect {
                try await caches.pull([caches.near, caches.far])
            } throws: { error in
                guard case .incomplete(let report, _) = error as? PullFailure else { return false }
                let miss = report.misses.first { $0.path == caches.link(0).storeBaseName }
                return miss?.from == nil && miss?.reasons.map(\.kind) == [.absent, .unsigned]
                    && "\(error)".contains("near does not have it (404); far has it unsigned")
            }
            #expect(try await !caches.hostHasAll())
        }
    }

    /// Nix remembers for an hour that a cache did not have a path.
    @Test func whatWasPublishedAfterAMissIsFound() async throws {
        try await withCaches { caches in
            let kept = try caches.near.remove(caches.link(0))
            await #expect(throws: PullFailure.self) { try await caches.pull([caches.near]) }
            try caches.near.put(kept, caches.link(0))
            let report = try await caches.pull([caches.near])
            #expect(report.paths > 0)
            #expect(try await caches.hostHasAll())
        }
    }

    @Test func nobodyAnsweringIsItsOwnError() async throws {
        try await withCaches { caches in
            await #expect {
                try await caches.pull(tiers: [try caches.dead()])
            } throws: { error in
                guard case .noTierAnswered = error as? PullFailure else { return false }
                return "\(error)".contains("dead")
            }
        }
    }
}
