// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Glibc
import NixFormat
import Testing
import Upstream

/// Servers that do everything wrong; each question ends within its limit.
@Suite(.inTurn) struct HostileServerTests {
    /// One kind of bad server.
    struct Kind: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let script: ScriptedServer.Script
        let isExpected: @Sendable (UpstreamFailure) -> Bool

        static let all: [Kind] = [
            Kind(testDescription: "accepts and is silent") { _ in
                [.silence]
            } isExpected: {
                $0 == .timedOut
            },
            Kind(testDescription: "sends half a head and is silent") { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-"), .silence]
            } isExpected: {
                $0 == .timedOut
            },
            Kind(testDescription: "sends a head and is silent") { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n"), .silence]
            } isExpected: {
                $0 == .timedOut
            },
            Kind(testDescription: "drips") { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n")]
                    + (0..<300).flatMap { _ in [.send("a"), .pause(.milliseconds(50))] }
            } isExpected: {
                $0 == .timedOut
            },
            Kind(testDescription: "closes at once") { _ in
                [.cut]
            } isExpected: {
                $0.isBrokenOff
            },
            Kind(testDescription: "closes after half of the body") { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\nStorePath: "), .cut]
            } isExpected: {
                $0.isBrokenOff
            },
            Kind(testDescription: "closes in a chunked body") { _ in
                [
                    .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nStore\r\n"),
                    .cut,
                ]
            } isExpected: {
                $0.isBrokenOff
            },
            Kind(testDescription: "does not speak HTTP") { _ in
                [.send("SSH-2.0-OpenSSH_9.6\r\n"), .silence]
            } isExpected: {
                $0.isMalformed || $0 == .timedOut
            },
            Kind(testDescription: "sends garbage") { _ in
                [.send((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 37) }), .cut]
            } isExpected: {
                $0.isMalformed || $0.isBrokenOff
            },
            Kind(testDescription: "has an absurd Content-Length") { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n"), .silence]
            } isExpected: {
                $0.isMalformed
            },
            Kind(testDescription: "has a Content-Length beyond 64 bits") { _ in
                [
                    .send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
                    .silence,
                ]
            } isExpected: {
                $0.isMalformed
            },
            Kind(testDescription: "never ends its body") { _ in
                [.send("HTTP/1.1 200 OK\r\n\r\n")]
                    + Array(repeating: .send([UInt8](repeating: 65, count: 65_536)), count: 100)
            } isExpected: {
                $0.isMalformed
            },
            Kind(testDescription: "has huge headers") { _ in
                [.send("HTTP/1.1 200 OK\r\n")]
                    + Array(
                        repeating: .send("X-A: " + String(repeating: "a", count: 4000) + "\r\n"),
                        count: 500
                    )
            } isExpected: {
                $0.isMalformed || $0.isBrokenOff
            },
            Kind(testDescription: "redirects to itself") { request in
                .answer(302, ["Location": request.target])
            } isExpected: {
                $0.isMalformed
            },
            Kind(testDescription: "redirects on and on") { request in
                .answer(302, ["Location": request.target + "x"])
            } isExpected: {
                $0.isMalformed
            },
            Kind(testDescription: "redirects to a file") { _ in
                .answer(302, ["Location": "file:///etc/passwd"])
            } isExpected: {
                $0.isMalformed
            },
            Kind(testDescription: "redirects without saying where") { _ in
                .answer(302)
            } isExpected: {
                $0 == .status(302)
            },
        ]
    }

    @Test(arguments: Kind.all)
    func aBadAnswerEndsWithinItsLimit(_ kind: Kind) async throws {
        try await ScriptedServer.run(kind.script) { server in
            let tier = try TestTier.make([server.url])
            let started = ContinuousClock.now
            let failure = try #require(await tier.lookUp(try TestPath().hash).failure)
            let elapsed = ContinuousClock.now - started
            #expect(kind.isExpected(failure), "\(failure)")
            #expect(elapsed < .seconds(10), "\(elapsed)")
        }
    }

    @Test func aRefusedConnectionFailsAtOnce() async throws {
        let port = try ListeningSocket().port
        let tier = try TestTier.make(["http://127.0.0.1:\(port)"])
        let started = ContinuousClock.now
        for _ in 0..<3 {
            #expect(await tier.lookUp(try TestPath().hash).failure?.isUnreachable == true)
        }
        #expect(await tier.lookUp(try TestPath().hash).failure == .unavailable)
        #expect(ContinuousClock.now - started < .seconds(10))
    }

    @Test func aServerWithoutTLSIsUnreachable() async throws {
        try await ScriptedServer.run { _ in
            .answer(404)
        } _: { server in
            let tier = try TestTier.make(["https://127.0.0.1:\(server.port)"])
            let failure = await tier.lookUp(try TestPath().hash).failure
            #expect(failure?.isUnreachable == true, "\(String(describing: failure))")
        }
    }

    @Test func whoWaitsForHisTurnLeavesWhenTheTierIsDown() async throws {
        let script: ScriptedServer.Script = { _ in [.pause(.seconds(2)), .cut] }
        try await ScriptedServer.run(script) { server in
            let tier = try TestTier.make([server.url]) { $0.times.lookUp = .seconds(20) }
            let hashes = try (0..<300).map { try TestPath($0).hash }
            let started = ContinuousClock.now
            let failures = await withTaskGroup(of: UpstreamFailure?.self) { group in
                for hash in hashes { group.addTask { await tier.lookUp(hash).failure } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            // All of them would take ten minutes.
            #expect(ContinuousClock.now - started < .seconds(20))
            #expect(failures.count { $0 == .unavailable } >= 200)
            #expect(server.requests.count <= 150)
        }
    }

    @Test func aDeadNameEndsInTimeAndKeepsNobodyElseWaiting() async throws {
        let path = try TestPath()
        try await ScriptedServer.run { _ in
            .answer(200, [:], path.text)
        } _: { server in
            let client = TestTier.client()
            let dead = try TestTier.make(["http://nonexistent.invalid:5000"], client: client)
            let alive = try TestTier.make(["http://localhost:\(server.port)"], client: client)
            let started = ContinuousClock.now
            async let failure = dead.lookUp(path.hash).failure
            #expect(await alive.lookUp(path.hash).info == path.info)
            #expect(ContinuousClock.now - started < .seconds(10))
            #expect(await failure?.isUnreachable == true)
            #expect(ContinuousClock.now - started < .seconds(15))
        }
    }

    @Test func aBlackHoleEndsWithTheTimeForConnecting() async throws {
        // A queue that is full: the kernel drops what else wants to connect.
        let hole = try ListeningSocket()
        listen(hole.descriptor, 0)
        let fillers = FillingConnections(port: hole.port)
        defer { fillers.stop() }
        let path = try TestPath()
        try await ScriptedServer.run { _ in
            .answer(200, [:], path.text)
        } _: { server in
            let address = "http://127.0.0.1:\(hole.port)"
            let started = ContinuousClock.now
            let tier = try TestTier.make([address])
            #expect(await tier.lookUp(path.hash).failure?.isUnreachable == true)
            #expect(ContinuousClock.now - started < .seconds(10))
            // With time left, the tier's next address is asked.
            let both = try TestTier.make([address, server.url])
            #expect(await both.lookUp(path.hash).info == path.info)
        }
    }

    @Test func aCancelledLookUpEndsAtOnceAndIsHeldAgainstNobody() async throws {
        try await ScriptedServer.run { _ in
            [.silence]
        } _: { server in
            let tier = try TestTier.make([server.url]) { $0.times.lookUp = .seconds(30) }
            let hashes = try (0..<100).map { try TestPath($0).hash }
            let started = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                for hash in hashes {
                    group.addTask { _ = await tier.lookUp(hash) }
                }
                try? await Task.sleep(for: .milliseconds(200))
                group.cancelAll()
            }
            #expect(ContinuousClock.now - started < .seconds(15))
            #expect(tier.report.state == .unknown)
            #expect(server.mostConnections <= 64)
        }
    }
}

/// Connections that nobody accepts.
private final class FillingConnections: Sendable {
    private let descriptors: [Int32]

    init(port: UInt16) {
        descriptors = (0..<8).map { _ in
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            let descriptor = socket(AF_INET, kind, 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            return descriptor
        }
    }

    func stop() { for descriptor in descriptors { close(descriptor) } }
}

extension UpstreamFailure {
    var isBrokenOff: Bool {
        guard case .brokenOff = self else { return false }
        return true
    }

    var isUnreachable: Bool {
        guard case .unreachable = self else { return false }
        return true
    }
}
