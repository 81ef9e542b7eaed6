// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension TierTests {
    /// What begins on the fast lane and cannot be had after all.
    @Suite struct LaneTransferTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func whatNobodyHasIsLookedForAndTheConnectionGoesOn() async throws {
            let cache = cache
            let server = try HostileServer { target, socket in
                guard !target.contains("/nar/") else { return try socket.answer(404, []) }
                try socket.answer(200, read(cache.folder + target))
            }
            defer { server.stop() }
            try await withAgent(cache.tier(at: server.url)) { agent in
                let target = try await agent.narTarget(of: cache.top)
                let requests = [target, "/healthz", target, "/nix-cache-info"].map {
                    HTTPRequest($0)
                }
                let port = agent.port
                let statuses = try await onOwnThread {
                    let connection = HTTPConnection(try StreamSocket.connect(port: port))
                    // All at once: what was sent ahead must wait for its turn.
                    try connection.socket.write(requests.flatMap(\.bytes))
                    return try requests.map { _ in try connection.readAnswer().status }
                }
                #expect(statuses == [404, 200, 404, 200])
            }
        }
    }
}
