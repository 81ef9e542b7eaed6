// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import NixFormat
import Testing
import Upstream

@Suite(.inTurn) struct LookUpTests {
    @Test func aSignedNarinfoIsFound() async throws {
        let path = try TestPath()
        try await ScriptedServer.run { _ in
            .answer(200, [:], path.text)
        } _: { server in
            let tier = try TestTier.make([server.url + "/prefix"])
            #expect(await tier.lookUp(path.hash).info == path.info)
            let request = try #require(server.requests.first)
            #expect(request.target == "/prefix" + path.target)
            #expect(request.headers["user-agent"] == "firn/test")
            #expect(request.headers["x-firn-via"] == "node-1")
            #expect(request.headers["accept-encoding"] == nil)
            #expect(request.headers["host"] == "127.0.0.1:\(server.port)")
            #expect(server.requests.count == 1, "one GET, no HEAD")
        }
    }

    @Test func theMarkOfALoopIsAppended() async throws {
        try await ScriptedServer.run { _ in
            .answer(404)
        } _: { server in
            let tier = try TestTier.make([server.url])
            let hash = try TestPath().hash
            await LoopMark.$nodes.withValue(["a", "b"]) { _ = await tier.lookUp(hash) }
            #expect(server.requests.first?.headers["x-firn-via"] == "a, b, node-1")
        }
    }

    @Test(arguments: [404, 403, 410])
    func absentIsHealth(_ status: Int) async throws {
        try await ScriptedServer.run { _ in
            .answer(status, text: "no")
        } _: { server in
            let tier = try TestTier.make([server.url])
            for seed in 0..<20 { #expect(await tier.lookUp(try TestPath(seed).hash).isAbsent) }
            #expect(tier.report.state == .up)
            #expect(server.mostConnections <= 3, "connections are used again")
        }
    }

    @Test(arguments: [401, 407, 418, 204, 304, 500, 501, 503, 599])
    func otherStatusesAreFailures(_ status: Int) async throws {
        let isDown = status >= 500
        try await ScriptedServer.run { _ in
            .answer(status)
        } _: { server in
            let tier = try TestTier.make([server.url])
            for _ in 0..<3 {
                #expect(await tier.lookUp(try TestPath().hash).failure == .status(status))
            }
            #expect(tier.report.state == (isDown ? .down : .up))
            let last = await tier.lookUp(try TestPath().hash).failure
            #expect(last == (isDown ? .unavailable : .status(status)))
        }
    }

    @Test(arguments: [429, 503])
    func retryAfterRests(_ status: Int) async throws {
        try await ScriptedServer.run { _ in
            .answer(status, ["Retry-After": "60"])
        } _: { server in
            let tier = try TestTier.make([server.url])
            for _ in 0..<3 { #expect(await tier.lookUp(try TestPath().hash).failure == .resting) }
            #expect(tier.report.state == .resting)
            #expect(server.requests.count == 1, "it was left alone")
            tier.networkChanged()
            #expect(tier.report.state == .unknown)
        }
    }

    @Test(arguments: [["X-Firn-Loop": "node-1"], ["X-Firn-Loop": "node-2"], [:]])
    func aLoopIsSaid(_ headers: [String: String]) async throws {
        let status = headers.isEmpty ? 508 : 200
        try await ScriptedServer.run { _ in
            .answer(status, headers)
        } _: { server in
            let tier = try TestTier.make([server.url])
            let failure = await tier.lookUp(try TestPath().hash).failure
            guard headers["X-Firn-Loop"] == "node-2" else {
                #expect(failure == .loop)
                #expect(!tier.report.asksBack)
                return
            }
            // Another node has us as a tier, and is well.
            #expect(failure == .asksBack)
            #expect(tier.report.asksBack)
            #expect(tier.report.failures == 0)
            #expect(tier.report.lastFailure == nil)
        }
    }

    @Test func onlyNarinfosOfThePathByTheKeyAreBelieved() async throws {
        let path = try TestPath()
        let stranger = try SecretKey.generate(name: "test-1")
        let forged = try TestPath(key: stranger)
        var unsigned = path.info
        unsigned.signatures = []
        unsigned.contentAddress =
            "fixed:sha256:0000000000000000000000000000000000000000000000000000"
        var other = path.info
        other.url = "file:///etc/passwd"
        let answers: [([UInt8], UpstreamFailure?)] = [
            (forged.text, .untrusted), (unsigned.write(in: .standard), .untrusted),
            (try TestPath(2).text, nil), (other.write(in: .standard), nil), ([], nil),
            (Array("garbage".utf8), nil), (Array(path.text.dropLast(30)), nil),
            (Array("\0\u{1}\u{2}".utf8), nil),
            (Array(repeating: UInt8(ascii: "a"), count: 2 << 20), nil),
        ]
        for (text, expected) in answers {
            try await ScriptedServer.run { _ in
                .answer(200, [:], text)
            } _: { server in
                let tier = try TestTier.make([server.url])
                let failure = try #require(await tier.lookUp(path.hash).failure)
                if let expected {
                    #expect(failure == expected)
                } else {
                    #expect(failure.isMalformed, "\(failure)")
                }
                #expect(tier.report.state == .up, "it does answer")
            }
        }
    }

    @Test func withoutTrustAnySignatureIsTaken() async throws {
        var info = try TestPath().info
        info.signatures = []
        let text = info.write(in: .standard)
        try await ScriptedServer.run { _ in
            .answer(200, [:], text)
        } _: { server in
            let tier = try TestTier.make([server.url]) { $0.trust = .none }
            #expect(await tier.lookUp(info.storePath.hash).info == info)
        }
    }

    @Test(arguments: ["gzip", "br", "x-unknown"])
    func aCodingNobodyAskedForIsRefused(_ coding: String) async throws {
        let path = try TestPath()
        let script: ScriptedServer.Script = { _ in
            .answer(200, ["Content-Encoding": coding], path.text)
        }
        try await ScriptedServer.run(script) { server in
            let tier = try TestTier.make([server.url])
            #expect(await tier.lookUp(path.hash).failure?.isMalformed == true)
        }
    }

    @Test func aThousandLookUpsAtOnceAreQuick() async throws {
        let texts = try (0..<1000).map { try TestPath($0).text }
        try await ScriptedServer.run { request in
            TestPath.seed(in: request.target).map { .answer(200, [:], texts[$0]) } ?? .answer(404)
        } _: { server in
            let tier = try TestTier.make([server.url]) { $0.times.lookUp = .seconds(10) }
            let hashes = try (0..<1000).map { try TestPath($0).hash }
            let started = ContinuousClock.now
            let found = await withTaskGroup(of: Bool.self) { group in
                for hash in hashes {
                    group.addTask { await tier.lookUp(hash).info?.storePath.hash == hash }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(found == 1000)
            // Measured: 0.15 s in an optimised build.
            #expect(ContinuousClock.now - started < .seconds(30))
            #expect(server.mostConnections <= 64)
        }
    }
}

extension UpstreamFailure {
    var isMalformed: Bool {
        guard case .malformed = self else { return false }
        return true
    }
}
