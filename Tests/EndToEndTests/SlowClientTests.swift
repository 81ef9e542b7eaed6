// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc
import Testing

/// Clients that take their time, and what others notice of them.
@Suite(.fewAtATime)
struct SlowClientTests {
    @Test func aSlowReaderGetsTheWholeNARBesideACollection() async throws {
        try await withNixStore { store in
            var closure = SampleClosure.small
            closure.largeBytes = 16_000_000
            let paths = try await store.buildSmall(closure)
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                let large = try paths.named("large")
                let dump = try await store.nar(of: large)
                let target = try await server.narTarget(of: large)
                let reader = try await SlowReader.start(HTTPRequest(target), on: server)

                try await store.collectGarbage()
                #expect(try await server.narInfoStatus(of: large) != 500)
                #expect(FileManager.default.fileExists(atPath: store.location(of: large)))
                let answer = try await reader.readTheRest()
                #expect(answer.isComplete)
                #expect(Bytes(answer.body) == Bytes(dump))

                try await wait(for: "path to lose its protection") {
                    try await store.collectGarbage()
                    return !FileManager.default.fileExists(atPath: store.location(of: large))
                }
                // It has left the store, though the depot may have it by now.
                try await wait(for: "path to be the store's no more") {
                    let answer = try await server.get("/\(large.storeHash).narinfo")
                    return answer.status == 404 || answer["X-Firn-Tier"] == "depot"
                }
                // An address that was given away stays good where the depot has kept the NAR.
                let later = try await server.get(target)
                #expect(later.status == 404 || Bytes(later.body) == Bytes(dump))
            }
        }
    }

    @Test func unfinishedHeadsKeepNobodyWaitingAndAreEnded() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            var setup = ServerSetup(storeRoot: store.root)
            setup.serverLines = ["idle-timeout = \"5s\""]
            try await withServer(setup) { server in
                let half = Array("GET /nix-cache-info HTTP/1.1\r\nHost: a\r\nX: ".utf8)
                let port = server.port
                let idlers = try await onOwnThread {
                    try (0..<300).map { _ in
                        let socket = try StreamSocket.connect(port: port)
                        try socket.write(half)
                        return socket
                    }
                }
                let top = try paths.named("top")
                for _ in 0..<20 {
                    #expect(try await server.narInfoStatus(of: top) == 200)
                }
                // One more byte now and then must not keep such a connection alive for ever.
                try await onOwnThread {
                    for idler in idlers {
                        for _ in 0..<12 where try !idler.isEnded(within: .seconds(1)) {
                            try? idler.write([UInt8(ascii: "x")])
                        }
                        guard try idler.isEnded(within: .seconds(10)) else { throw StillOpen() }
                    }
                }
            }
        }
    }

    @Test(.enabled(if: raiseOpenFileLimit(to: 8_000), "needs 8,000 open files"))
    func fiveThousandIdleConnectionsLeaveRoomForOthers() async throws {
        let count = 5_000
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            var setup = ServerSetup(storeRoot: store.root)
            setup.launcher = "ulimit -n \(count + 3_000); exec \"$@\""
            try await withServer(setup) { server in
                let port = server.port
                let idlers = try await onOwnThread {
                    try (0..<count).map { _ in
                        let connection = HTTPConnection(try StreamSocket.connect(port: port))
                        return connection.socket
                    }
                }
                let top = try paths.named("top")
                #expect(try await server.narInfoStatus(of: top) == 200)
                let target = try await server.narTarget(of: top)
                #expect(try await server.get(target).isComplete)
                let answers = try await onOwnThread {
                    try [idlers[0], idlers[count / 2], idlers[count - 1]].map {
                        try HTTPConnection($0).ask(HTTPRequest("/nix-cache-info")).status
                    }
                }
                #expect(answers == [200, 200, 200])
            }
        }
    }

    @Test func aClientThatVanishesEndsItsTransfer() async throws {
        try await withSmallServedStore { _, server, paths in
            let large = try paths.named("large")
            let target = try await server.narTarget(of: large)
            for _ in 0..<20 {
                let reader = try await SlowReader.start(HTTPRequest(target), on: server)
                reader.vanish()
            }
            #expect(try await server.get(target).isComplete)
            try await wait(for: "end of the transfers") {
                // The question itself is one of them.
                try await server.metric("firn_http_requests_in_flight") == 1
            }
        }
    }

    /// A connection that a server had to end stayed open.
    private struct StillOpen: Error {}
}

/// - Returns: Whether that many are allowed.
private func raiseOpenFileLimit(to count: Int) -> Bool {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
        return false
    }
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, rlim_t(count)))
    let set = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return set == 0 && limit.rlim_cur >= rlim_t(count)
}
