// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

extension TierTests {
    /// Many clients that want the same large NAR.
    @Suite struct SharedTransferTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test(arguments: [(isKept: true, clients: 20), (isKept: false, clients: 100)])
        func manyClientsCauseOneTransferAlsoWhenTheFirstGoesAway(
            _ isKept: Bool,
            _ clients: Int
        ) async throws {
            try await withGate(to: cache.port) { gate in
                let tier = cache.tier(at: gate.url)
                if isKept {
                    try await withKeepingServer(tier) { try await ask($0, clients, through: gate) }
                } else {
                    try await withAgent(tier) { try await ask($0, clients, through: gate) }
                }
            }
        }

        private func ask(
            _ server: FirnServer,
            _ clients: Int,
            through gate: Gate
        ) async throws {
            let target = try await server.narTarget(of: cache.big)
            let file = try cache.file(of: cache.big)
            gate.holds(afterBytes: 16_000_000)
            let first = try await SlowReader.start(HTTPRequest(target), on: server)
            let largest = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 1..<clients {
                    group.addTask {
                        try await server.onConnection { try $0.brings(file, from: target) }
                    }
                }
                try await wait(for: "requests of all clients") {
                    try await server.metric("firn_http_requests_in_flight") >= clients
                }
                first.vanish()
                try gate.open()
                var largest = 0
                for try await isWhole in group {
                    #expect(isWhole)
                    largest = max(largest, server.process.residentBytes ?? 0)
                }
                return largest
            }
            #expect(gate.narCount == 1)
            #expect(largest < 100_000_000)
        }
    }
}

extension HTTPConnection {
    /// Whether an answer is a file and nothing else; nothing of it is kept.
    fileprivate func brings(_ file: [UInt8], from target: String) throws -> Bool {
        try socket.write(HTTPRequest(target).bytes)
        let head = try readHead()
        guard head.status == 200, head["Content-Length"] == "\(file.count)" else { return false }
        var position = 0
        while position < file.count {
            var piece: [UInt8] = []
            let count = min(1 << 18, file.count - position)
            guard try readBytes(count, into: &piece) else { return false }
            let isEqual = Bytes(piece) == Bytes(file[position..<position + count])
            guard isEqual else { return false }
            position += count
        }
        return true
    }
}
