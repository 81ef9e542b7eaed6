// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import NixFormat
import Testing
import Upstream

@Suite(.inTurn) struct NARStreamTests {
    private static let file = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

    private func read(_ stream: any NARByteStream) async throws(UpstreamFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try await stream.next() { bytes += piece }
        return bytes
    }

    /// What ends the reading, and how much had come until then.
    private func outcome(
        _ tier: UpstreamTier,
        fileSizeBytes: UInt64? = nil
    ) async throws -> (bytes: Int, failure: UpstreamFailure?) {
        var bytes = 0
        let info = try TestPath(fileSizeBytes: fileSizeBytes).info
        do throws(UpstreamFailure) {
            let stream = try await tier.openNAR(info, from: 0)
            while let piece = try await stream.next() { bytes += piece.count }
            return (bytes, nil)
        } catch {
            return (bytes, error)
        }
    }

    @Test func aNARIsReadWhole() async throws {
        try await ScriptedServer.run { _ in
            .answer(200, [:], Self.file)
        } _: { server in
            let tier = try TestTier.make([server.url + "/a"])
            let stream = try await tier.openNAR(
                try TestPath(url: "nar/x%2Fy%20z+1?y=z%26a=b").info,
                from: 0
            )
            #expect(stream.sizeBytes == 1_000_000)
            #expect(try await read(stream) == Self.file)
            #expect(try await stream.next() == nil)
            #expect(server.requests.map(\.target) == ["/a/nar/x%2Fy%20z+1?y=z%26a=b"])
            #expect(server.requests[0].headers["range"] == nil)
            #expect(tier.report.narBytes == 1_000_000)
        }
    }

    @Test(arguments: [true, false])
    func theRestIsReadWithRangesAndWithout(_ hasRanges: Bool) async throws {
        try await ScriptedServer.run { request in
            guard hasRanges, request.headers["range"] == "bytes=700000-" else {
                return .answer(200, [:], Self.file)
            }
            let range = "bytes 700000-999999/1000000"
            return .answer(206, ["Content-Range": range], Array(Self.file[700_000...]))
        } _: { server in
            let tier = try TestTier.make([server.url])
            let stream = try await tier.openNAR(try TestPath().info, from: 700_000)
            #expect(stream.sizeBytes == 1_000_000)
            #expect(try await read(stream) == Array(Self.file[700_000...]))
            #expect(server.requests[0].headers["range"] == "bytes=700000-")
        }
    }

    @Test(arguments: ["bytes 0-299999/1000000", "bytes 700000-799999/1000000", "bytes */9", ""])
    func anotherRangeIsRefused(_ range: String) async throws {
        try await ScriptedServer.run { _ in
            .answer(206, ["Content-Range": range], Array(Self.file[700_000...]))
        } _: { server in
            let tier = try TestTier.make([server.url])
            let error = await #expect(throws: UpstreamFailure.self) {
                _ = try await tier.openNAR(try TestPath().info, from: 700_000)
            }
            #expect(error?.isMalformed == true)
        }
    }

    @Test func anEncodedNARIsRefused() async throws {
        try await ScriptedServer.run { _ in
            .answer(200, ["Content-Encoding": "zstd"], Self.file)
        } _: { server in
            let (_, failure) = try await outcome(try TestTier.make([server.url]))
            #expect(failure?.isMalformed == true)
        }
    }

    @Test(arguments: [404, 410, 403])
    func aMissingNARIsSaid(_ status: Int) async throws {
        try await ScriptedServer.run { _ in
            .answer(status)
        } _: { server in
            let (_, failure) = try await outcome(try TestTier.make([server.url]))
            #expect(failure == .narMissing)
        }
    }

    @Test func aShortBodyIsBrokenOffAndNeverAnEnd() async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        let scripts: [[ScriptedServer.Step]] = [
            [.send(head), .send(Array(Self.file.prefix(500_000))), .cut],
            [.send(chunked), .cut],
            // Ended as it should be, or without saying how long it is, but less than the narinfo says.
            [.send(chunked + "0\r\n\r\n")],
            [.send("HTTP/1.1 200 OK\r\n\r\nhello"), .cut],
        ]
        for script in scripts {
            try await ScriptedServer.run { _ in
                script
            } _: { server in
                let tier = try TestTier.make([server.url])
                let (bytes, failure) = try await outcome(tier, fileSizeBytes: 1_000_000)
                #expect(failure?.isBrokenOff == true, "\(String(describing: failure))")
                #expect(script.count == 3 ? bytes > 0 && bytes <= 500_000 : bytes == 5)
            }
        }
    }

    @Test func silenceAndDripsAreStalls() async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello"
        let drip = (0..<200).flatMap { _ in
            [ScriptedServer.Step.send("a"), .pause(.milliseconds(20))]
        }
        for script in [[.send(head), .silence], [.send(head)] + drip] {
            try await ScriptedServer.run { _ in
                script
            } _: { server in
                let tier = try TestTier.make([server.url]) {
                    $0.times.narStall = .milliseconds(500)
                }
                let started = ContinuousClock.now
                let (_, failure) = try await outcome(tier)
                #expect(failure == .timedOut)
                #expect(ContinuousClock.now - started < .seconds(3.5))
            }
        }
    }

    @Test func noFirstByteIsAnEnd() async throws {
        try await ScriptedServer.run { _ in
            [.silence]
        } _: { server in
            let tier = try TestTier.make([server.url]) {
                $0.times.narFirstByte = .milliseconds(300)
            }
            let (_, failure) = try await outcome(tier)
            #expect(failure == .timedOut)
        }
    }

    @Test func aSlowReaderHoldsTheServerBackAndIsNoStall() async throws {
        let large = [UInt8](repeating: 1, count: 40 << 20)
        try await ScriptedServer.run { _ in
            .answer(200, [:], large)
        } _: { server in
            let tier = try TestTier.make([server.url]) { $0.times.narStall = .milliseconds(300) }
            let stream = try await tier.openNAR(try TestPath().info, from: 0)
            _ = try await stream.next()
            try await Task.sleep(for: .milliseconds(900))
            // All of it would have come by now, had nobody held it back.
            #expect(tier.report.narBytes < 1 << 20)
            var bytes = 0
            while let piece = try await stream.next() { bytes += piece.count }
            #expect(bytes > 39 << 20)
        }
    }

    @Test func aGiBIsReadInBoundedMemory() async throws {
        let piece = ScriptedServer.Step.send([UInt8](repeating: 1, count: 16 << 20))
        try await ScriptedServer.run { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: \(1 << 30)\r\n\r\n")]
                + Array(repeating: piece, count: 64)
        } _: { server in
            let tier = try TestTier.make([server.url])
            let stream = try await tier.openNAR(try TestPath().info, from: 0)
            var (bytes, largest) = (0, 0)
            while let piece = try await stream.next() {
                bytes += piece.count
                largest = max(largest, piece.count)
            }
            #expect(bytes == 1 << 30)
            #expect(largest <= 1 << 20)
        }
    }

    @Test func lettingGoOfAStreamEndsTheTransfer() async throws {
        let large = [UInt8](repeating: 1, count: 40 << 20)
        try await ScriptedServer.run { _ in
            .answer(200, [:], large)
        } _: { server in
            let tier = try TestTier.make([server.url])
            for _ in 0..<50 {
                let stream = try await tier.openNAR(try TestPath().info, from: 0)
                _ = try await stream.next()
            }
            try await wait(for: "closed connections", within: .seconds(30)) {
                server.openConnections == 0
            }
        }
    }
}
