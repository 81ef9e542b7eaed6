// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import NixFormat
import Synchronization
import Testing
import Upstream

@Suite(.inTurn) struct TierHealthTests {
    @Test func probesFindAFirnItsLatencyAndTheBestAddress() async throws {
        try await ScriptedServer.run { _ in
            [.pause(.milliseconds(100))] + .cacheInfo(["X-Firn": "closure"])
        } _: { slow in
            try await ScriptedServer.run { _ in
                .cacheInfo(["X-Firn": "closure"])
            } _: { quick in
                let tier = try TestTier.make([slow.url, quick.url])
                try await TestTier.running(tier) { tier in
                    try await wait(for: "both addresses") {
                        tier.report.addresses.allSatisfy { $0.state == .up }
                    }
                    #expect(tier.report.isFirn)
                    #expect(tier.report.addresses.map(\.isChosen) == [false, true])
                    #expect(quick.requests.map(\.target) == ["/nix-cache-info"])
                }
            }
        }
    }

    @Test func aCacheOfAnotherStoreIsDownAndSaysWhy() async throws {
        try await ScriptedServer.run { _ in
            .answer(text: "StoreDir: /gnu/store\n")
        } _: { server in
            let tier = try TestTier.make([server.url])
            try await TestTier.running(tier) { tier in
                try await wait(for: "the end") { tier.report.state == .down }
                #expect("\(String(describing: tier.report.lastFailure))".contains("/gnu/store"))
            }
        }
    }

    @Test(arguments: ["silent", "cut", "500", "silent about paths"])
    func recoveryIsNoticedWithinTwoSeconds(_ trouble: String) async throws {
        let isBad = Mutex(false)
        let isBack: @Sendable () -> Bool = { isBad.withLock { !$0 } }
        try await ScriptedServer.run { request in
            let good: [ScriptedServer.Step] =
                request.target == "/nix-cache-info" ? .cacheInfo() : .answer(404)
            if isBack() { return good }
            switch trouble {
            case "silent": return [.pause(.seconds(3)), .cut]
            case "cut": return [.cut]
            case "500": return .answer(500)
            default:
                return request.target == "/nix-cache-info" ? good : [.pause(.seconds(3)), .cut]
            }
        } _: { server in
            let tier = try TestTier.make([server.url]) { $0.times.lookUp = .milliseconds(300) }
            let hash = try TestPath().hash
            try await TestTier.running(tier) { tier in
                #expect(await tier.lookUp(hash).isAbsent)
                isBad.withLock { $0 = true }
                var questions = 0
                try await wait(for: "an open circuit") {
                    questions += 1
                    return await tier.lookUp(hash).failure == .unavailable
                }
                #expect(questions <= 4)
                // It stays open while nothing gets better.
                try await Task.sleep(for: .milliseconds(1700))
                #expect(await tier.lookUp(hash).failure == .unavailable)
                isBad.withLock { $0 = false }
                try await wait(for: "recovery") {
                    await tier.lookUp(hash).isAbsent
                }
            }
        }
    }

    /// That it is asked at once, and not with the next probe, is a rule of ``HealthTests``.
    @Test func aTierIsBackAfterTheNetworkChanged() async throws {
        let isThere = Mutex(false)
        try await ScriptedServer.run { _ in
            isThere.withLock { $0 } ? .cacheInfo() : [.silence]
        } _: { server in
            let client = TestTier.client()
            let tier = try TestTier.make([server.url], client: client)
            try await TestTier.running(tier) { tier in
                try await wait(for: "the end") { tier.report.state == .down }
                isThere.withLock { $0 = true }
                client.networkChanged()
                tier.networkChanged()
                try await wait(for: "recovery") { tier.report.state == .up }
            }
        }
    }

    @Test func credentialsGoToTheirOriginOnly() async throws {
        let path = try TestPath()
        try await ScriptedServer.run { _ in
            .answer(200, [:], path.text)
        } _: { other in
            try await ScriptedServer.run { request in
                request.target == path.target
                    ? .answer(307, ["Location": "/here" + path.target])
                    : .answer(302, ["Location": other.url + "/x"])
            } _: { server in
                let tier = try TestTier.make([server.url]) {
                    $0.credentials = .netrc(
                        Netrc(parsing: "machine 127.0.0.1 login me password secret")
                    )
                }
                #expect(await tier.lookUp(path.hash).info == path.info)
                let expected = "Basic bWU6c2VjcmV0"
                #expect(
                    server.requests.map { $0.headers["authorization"] } == [expected, expected]
                )
                #expect(other.requests.map { $0.headers["authorization"] } == [nil])
            }
        }
    }

    @Test func aClosureComesInOneTrip() async throws {
        let infos = try (1...50).map { try TestPath($0) }
        let forged = try TestPath(99, key: try SecretKey.generate(name: "test-1"))
        let body = NARInfoClosure.write((infos + [forged]).map(\.text))
        try await ScriptedServer.run { request in
            if request.target == "/nix-cache-info" { return .cacheInfo(["X-Firn": "closure"]) }
            let type = "text/x-nix-narinfo-closure; charset=utf-8"
            return request.target.hasSuffix(".closure")
                ? .answer(200, ["Content-Type": type], body) : .answer(404)
        } _: { server in
            let tier = try TestTier.make([server.url])
            #expect(await tier.lookUpClosure(infos[49].hash) == nil, "not known to be a Firn yet")
            try await TestTier.running(tier) { tier in
                try await wait(for: "a probe") { tier.report.isFirn }
                #expect(await tier.lookUpClosure(infos[49].hash) == infos.map(\.info))
                #expect(await tier.lookUpClosure(forged.hash) == nil)
                #expect(await tier.lookUpClosure(try TestPath(200).hash) == nil)
            }
        }
    }

    @Test func smallFilesAreFetched() async throws {
        let path = try TestPath()
        try await ScriptedServer.run {
            .answer($0.target.contains("log") ? 404 : 200, text: $0.target)
        } _: { server in
            let tier = try TestTier.make([server.url])
            let output = try NixHash(algorithm: .sha256, digest: Array(repeating: 0, count: 32))
            let id = try DerivationOutputID(derivationHash: output, outputName: "out")
            let expected: [(CacheFile, String?)] = [
                (.listing(path.hash), "/\(path.hash).ls"), (.log(path.info.storePath), nil),
                (.realisation(id), "/realisations/\(id).doi"),
                (
                    .buildTrace(path.info.storePath, output: "out"),
                    "/build-trace-v2/\(path.info.storePath)/out.doi"
                ),
                (.buildTrace(path.info.storePath, output: "../x"), nil),
                (.debugInfo(buildID: "0aB1"), "/debuginfo/0aB1"),
                (.debugInfo(buildID: "../x"), nil),
            ]
            for (file, target) in expected {
                switch await tier.fetch(file) {
                case .found(let bytes): #expect(String(decoding: bytes, as: UTF8.self) == target)
                case .absent: #expect(target == nil)
                case .failed(let failure): Issue.record("\(file): \(failure)")
                }
            }
        }
    }

    @Test func aServerThatClosedItsIdleConnectionsIsAskedAgain() async throws {
        // Every connection is good for one answer, and does not say so.
        try await ScriptedServer.run { _ in
            .answer(404) + [.cut]
        } _: { server in
            let tier = try TestTier.make([server.url])
            for seed in 0..<200 { #expect(await tier.lookUp(try TestPath(seed).hash).isAbsent) }
        }
    }
}
