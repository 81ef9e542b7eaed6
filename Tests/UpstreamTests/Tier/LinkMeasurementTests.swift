// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import NixFormat
import Testing
import Upstream

/// The beginning of a NAR tells how fast the link is, or nothing does.
@Suite(.inTurn) struct LinkMeasurementTests {
    private static let file = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

    @Test func theBeginningOfAFileIsEnough() async throws {
        try await ScriptedServer.run { _ in
            .answer(206, [:], Array(Self.file.prefix(1 << 20)))
        } _: { server in
            let tier = try TestTier.make([server.url])
            #expect(await tier.measureLink(by: try TestPath().info))
            #expect(server.requests.map { $0.headers["range"] } == ["bytes=0-1048575"])
            #expect((tier.linkBytesPerSecond ?? 0) > 1e6)
        }
    }

    /// Who knows no ranges sends all of it: no more than the beginning is taken.
    @Test func theRestOfAFileIsNotTaken() async throws {
        try await ScriptedServer.run { _ in
            .answer(200, [:], [UInt8](repeating: 7, count: 64 << 20))
        } _: { server in
            let tier = try TestTier.make([server.url])
            #expect(await tier.measureLink(by: try TestPath().info))
            #expect(tier.report.narBytes < 8 << 20)
        }
    }

    /// The file may have gone, which is nobody's fault.
    @Test(arguments: [403, 404, 410])
    func aFileThatIsNotThereSaysNothing(_ status: Int) async throws {
        try await ScriptedServer.run { _ in
            .answer(status, text: "no")
        } _: { server in
            let tier = try TestTier.make([server.url])
            #expect(await !tier.measureLink(by: try TestPath().info))
            #expect(tier.linkBytesPerSecond == nil)
            #expect(tier.report.failures == 0)
            #expect(server.requests.count == 1)
        }
    }

    /// A tenth of a second of silence behind the head is all that is waited for.
    @Test func aFileThatDoesNotComeSaysNothing() async throws {
        try await ScriptedServer.run { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"), .silence]
        } _: { server in
            let tier = try TestTier.make([server.url])
            let began = ContinuousClock.now
            #expect(await !tier.measureLink(by: try TestPath().info))
            #expect(began.duration(to: .now) < .seconds(5))
            #expect(tier.linkBytesPerSecond == nil)
        }
    }

    @Test func whatWasMeasuredOfAnotherNetworkIsForgotten() async throws {
        try await ScriptedServer.run { _ in
            [.pause(.milliseconds(500))] + .answer(200, [:], Self.file)
        } _: { server in
            let tier = try TestTier.make([server.url])
            let info = try TestPath().info
            async let measured = tier.measureLink(by: info)
            try await wait(for: "the question") { !server.requests.isEmpty }
            tier.networkChanged()
            #expect(await !measured)
            #expect(tier.linkBytesPerSecond == nil)
        }
    }
}
