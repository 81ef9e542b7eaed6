// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Synchronization
import Testing

/// Something that happens once, seen from elsewhere.
private final class Flag: Sendable {
    private let value = Mutex(false)

    var isRaised: Bool { value.withLock { $0 } }

    func raise() { value.withLock { $0 = true } }
}

extension TierTests {
    /// What a depot keeps of what it passes on, and what it lets go.
    @Suite struct KeptTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func urlsStayGoodAfterEvictionAndARestart() async throws {
            let names = ["large", "many", "odd", "link-3", "top"]
            let paths = try names.map { try cache.path($0) } + cache.pieces.prefix(2)
            var bodies: [String: Bytes] = [:]
            try await withTemporaryDirectory { directory in
                try await withKeepingServer(cache.tier) { server in
                    for path in paths { try await note(path, from: server, in: &bodies) }
                    try await wait(for: "all paths in the depot") {
                        try await server.status().depot?.objects == paths.count
                    }
                    for path in paths { try await note(path, from: server, in: &bodies) }
                }
                #expect(bodies.keys.count { $0.hasSuffix(".nar.xz") } == names.count)
                #expect(bodies.count == paths.count * 2)
                // An empty depot, then one in which each of them has to make room for others.
                let depot = directory.path("depot")
                for _ in 0..<2 {
                    try await withKeepingServer(cache.tier, depot: depot, size: "3MB") { server in
                        try await expect(bodies, from: server)
                    }
                }
            }
        }

        @Test func aDamagedNARInfoDoesNotGoAheadOfATier() async throws {
            try await withTemporaryDirectory { directory in
                let depot = directory.path("depot")
                try await withKeepingServer(cache.tier, depot: depot) { server in
                    _ = try await server.get(try await server.narTarget(of: cache.top))
                    try await wait(for: "the path in the depot") {
                        try await server.status().depot?.objects == 1
                    }
                }
                let file = "\(depot)/\(cache.top.storeHash).narinfo"
                let good = try String(contentsOfFile: file, encoding: .utf8)
                let damaged = good.replacing("NarSize: ", with: "NarSize: 1")
                try damaged.write(toFile: file, atomically: false, encoding: .utf8)
                try await withKeepingServer(cache.tier, depot: depot) { server in
                    let answer = try await server.get("/\(cache.top.storeHash).narinfo")
                    #expect(answer["X-Firn-Tier"] == "public")
                    let size = try cache.narInfoField("NarSize", of: cache.top)
                    #expect(answer.text.contains("\nNarSize: \(size)\n"))
                }
            }
        }

        @Test func theDepotStaysWithinItsBoundWhileMorePassesThrough() async throws {
            let bound = 5_000_000
            try await withKeepingServer(cache.tier, size: "5MB") { server in
                let depot = "\(server.state)/depot"
                let paths = cache.pieces + [cache.big] + cache.paths + cache.pieces
                let isDone = Flag()
                let largest = try await withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<3 {
                        group.addTask {
                            for path in paths.dropFirst(index * 5) {
                                let target = try await server.narTarget(of: path)
                                #expect(try await server.get(target).isComplete, "\(path)")
                            }
                        }
                    }
                    async let largest = Self.largestDiskBytes(of: depot) { isDone.isRaised }
                    defer { isDone.raise() }
                    try await group.waitForAll()
                    isDone.raise()
                    return try await largest
                }
                // One object, and the catalog with its journal.
                #expect(largest < bound + 2_100_000 + 600_000)
                #expect(largest > 0)
            }
        }

        @Test func whatIsInFlightTakesLittleOfWhatIsKept() async throws {
            try await withGate(to: cache.port) { gate in
                try await withKeepingServer(cache.tier(at: gate.url), size: "8MB") { server in
                    for (index, path) in cache.pieces.prefix(5).enumerated() {
                        let target = try await server.narTarget(of: path)
                        #expect(try await server.get(target).isComplete)
                        try await wait(for: "path in the depot") {
                            try await server.status().depot?.objects == index + 1
                        }
                    }
                    gate.holds(afterBytes: 300_000)
                    let held = Array(cache.pieces.dropFirst(5))
                    var targets: [String] = []
                    for path in held { targets.append(try await server.narTarget(of: path)) }
                    let before = gate.narCount
                    try await withThrowingTaskGroup(of: Bool.self) { group in
                        for target in targets {
                            group.addTask { try await server.get(target).isComplete }
                        }
                        try await wait(for: "all of them on their way") {
                            gate.narCount == before + held.count
                        }
                        // Two megabytes are a quarter, and three were free.
                        #expect(try await server.status().depot?.objects ?? 0 >= 4)
                        try gate.open()
                        for try await isComplete in group { #expect(isComplete) }
                    }
                }
            }
        }

        private func note(
            _ path: String,
            from server: FirnServer,
            in bodies: inout [String: Bytes]
        ) async throws {
            let target = try await server.narTarget(of: path)
            let answer = try await server.get(target)
            #expect(answer.isComplete)
            bodies[target] = Bytes(answer.body)
        }

        private func expect(_ bodies: [String: Bytes], from server: FirnServer) async throws {
            for (target, body) in bodies {
                let answer = try await server.get(target)
                #expect(answer.status == 200, "\(target)")
                #expect(answer.isComplete, "\(target)")
                #expect(Bytes(answer.body) == body, "\(target)")
            }
        }

        private static func largestDiskBytes(
            of folder: String,
            until isDone: @escaping @Sendable () -> Bool
        ) async throws -> Int {
            var largest = 0
            let command = Command("du", ["-s", "-B1", folder])
            while !isDone() {
                // Files come and go meanwhile, which it complains about.
                let outcome = try await command.run(deadline: .seconds(60))
                largest = max(largest, Int(outcome.text.prefix { $0.isNumber }) ?? 0)
            }
            return largest
        }
    }
}
