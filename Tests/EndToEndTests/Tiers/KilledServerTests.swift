// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

extension TierTests {
    /// A Firn that is killed while it fetches, keeps and evicts.
    @Suite struct KilledServerTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func afterEveryKillItIsReadySoonAndServesTheRightBytes() async throws {
            let paths = cache.pieces + cache.paths
            let dumps = try await withThrowingTaskGroup { group in
                for path in paths {
                    group.addTask { (path, Bytes(try await cache.store.nar(of: path))) }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            var random = SeededRandom(seed: 3)
            try await withTemporaryDirectory { directory in
                let depot = directory.path("depot")
                for _ in 0..<10 {
                    let pause = Duration.milliseconds(Int.random(in: 20...400, using: &random))
                    let began = ContinuousClock.now
                    try await withKeepingServer(
                        cache.tier,
                        depot: depot,
                        size: "6MB"
                    ) { server in
                        let took = began.duration(to: .now)
                        #expect(took < .seconds(20))
                        try await load(server, paths.shuffled(using: &random), dumps, for: pause)
                    }
                }
                try await withKeepingServer(cache.tier, depot: depot, size: "6MB") { server in
                    for path in paths {
                        let body = try await server.get(try await server.narTarget(of: path)).body
                        #expect(!body.isEmpty)
                    }
                    try await wait(for: "unfinished files to go") {
                        try names(in: "\(depot)/unfinished").count <= 1
                    }
                    let check = try await Command(
                        FirnServer.programme,
                        ["serve", "--check", "--config", server.configurationPath]
                    ).run(deadline: .seconds(60))
                    #expect(check.status == 0, "\(check.errors)")
                }
                // A stop does not wait for what two threads are packing; the next start removes it.
                #expect(try names(in: "\(depot)/unfinished").count <= 2)
            }
        }

        /// Fetches as they are, so that they can be compared, until the server is killed.
        private func load(
            _ server: FirnServer,
            _ paths: [String],
            _ dumps: [String: Bytes],
            for pause: Duration
        ) async throws {
            await withTaskGroup { group in
                for start in 0..<3 {
                    group.addTask {
                        for path in paths.dropFirst(start * 6) {
                            guard let nar = try? await wholeNAR(of: path, from: server) else {
                                return
                            }
                            #expect(nar == dumps[path], "\(path)")
                        }
                    }
                }
                group.addTask {
                    // Not for anything to happen: the kill is to come at any moment.
                    try? await Task.sleep(for: pause)
                    try? await server.kill()
                }
            }
        }

        /// - Returns: `nil` when it did not come whole.
        private func wholeNAR(of path: String, from server: FirnServer) async throws -> Bytes? {
            let narInfo = try await server.narInfo(of: path)
            let answer = try await server.get("/\(narInfo["URL"] ?? "")")
            guard answer.status == 200, answer.isComplete else { return nil }
            return try await withTemporaryDirectory { directory in
                try write(answer.body, to: directory.path("file"))
                let program = narInfo["Compression"] == "xz" ? "xz" : "zstd"
                let arguments = ["--decompress", "--stdout", "--quiet", directory.path("file")]
                let format = program == "xz" ? ["--format=xz"] : []
                let command = Command(program, format + arguments)
                return Bytes(try await command.run(deadline: .seconds(30)).requireSuccess().output)
            }
        }

        private func names(in folder: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder)
        }
    }
}
