// SPDX-License-Identifier: Apache-2.0
import CacheClient
import FirnTestSupport
import Foundation
import NixFormat
import NixStore
import Push
import PushTestSupport
import Testing

@Suite struct CachixTargetTests {
    @Test(arguments: PushTargetRule.all)
    func keepsTheTargetRules(_ rule: PushTargetRule) async throws {
        try await withTarget { server, target in
            try await rule.check(
                .init(target: target) { hash in
                    try await onOwnThread { try Self.file(of: hash, server) }
                }
            )
            #expect(server.complaints == [])
        }
    }

    @Test func eachStatusMeansWhatItShould() async throws {
        let cases: [(status: Int, error: PushTargetError)] = [
            (429, .busy(reason: "", retryAfter: .seconds(7))),
            (500, .busy(reason: "", retryAfter: .seconds(7))),
            (503, .busy(reason: "", retryAfter: .seconds(7))),
            (400, .rejected(reason: "")), (404, .rejected(reason: "")),
            (409, .rejected(reason: "")), (302, .rejected(reason: "")),
            (401, .refused(reason: "")), (403, .refused(reason: "")),
        ]
        for (status, expected) in cases {
            let fault: CachixStandIn.Faults = { _, _ in
                .answer(status: status, fields: [("Retry-After", "7")])
            }
            try await withTarget(fault: fault) { _, target in
                let path = try FolderStore.path(1)
                let hash = SHA256Hasher.hash([])
                let info = PathInfo(id: 1, path: path, narHash: hash, narSizeBytes: 1)
                await #expect {
                    try await target.findNeeds(of: [info])
                } throws: {
                    guard let error = $0 as? PushTargetError else { return false }
                    return Self.kind(error) == Self.kind(expected)
                }
            }
        }
    }

    @Test(arguments: [
        ("Retry-After", "3", "{}", 3.0...3.0),
        ("Retry-After", "Fri, 01 Jan 2100 00:00:00 GMT", "{}", 900_000.0...1_000_000.0),
        ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT", "{}", 0.0...0.0),
        ("X-Other", "x", "{\"retry_after\": 2.5}", 2.5...2.5),
    ])
    func patienceIsReadFromHeaderOrBody(
        _ name: String,
        _ value: String,
        _ body: String,
        _ seconds: ClosedRange<Double>
    ) async throws {
        let fault: CachixStandIn.Faults = { _, _ in
            .answer(status: 429, fields: [(name, value)], body: body)
        }
        try await withTarget(fault: fault) { _, target in
            do {
                try await target.checkAccess()
                Issue.record("no error")
            } catch PushTargetError.busy(_, let pause) {
                let pause = try #require(pause)
                #expect(seconds.contains(pause / .seconds(1)))
            }
        }
    }

    @Test func anAnswerOfSomebodyElseIsRejected() async throws {
        let fault: CachixStandIn.Faults = { _, _ in
            .answer(status: 200, body: "<html>")
        }
        try await withTarget(fault: fault) { _, target in
            await #expect(throws: PushTargetError.self) { try await target.checkAccess() }
        }
    }

    private static func kind(_ error: PushTargetError) -> String {
        switch error {
        case .unreachable: "unreachable"
        case .busy(_, let pause): "busy \(pause.map { "\($0)" } ?? "")"
        case .refused: "refused"
        case .rejected: "rejected"
        case .lost: "lost"
        }
    }

    private func withTarget(
        fault: @escaping CachixStandIn.Faults = { _, _ in nil },
        _ body: (CachixStandIn, CachixTarget) async throws -> Void
    ) async throws {
        var settings = CachixStandIn.Settings()
        settings.serverKey = try SecretKey.generate(name: "test-1")
        try await CachixStandIn.run(settings, fault: fault) { server in
            let session = WebSession(connections: 64, certificate: .authorities(file: nil))
            var configuration = CachixTarget.Configuration(
                name: try CachixName(parsing: settings.name),
                token: settings.token
            )
            configuration.host = server.url
            let target = CachixTarget(
                configuration,
                storeDirectory: .standard,
                session: session
            )
            do {
                try await body(server, target)
                await session.shutDown()
            } catch {
                await session.shutDown()
                throw error
            }
        }
    }

    /// What a reader gets, by way of the narinfo.
    private static func file(of hash: StorePathHash, _ server: CachixStandIn) throws -> [UInt8]? {
        let connection = HTTPConnection(try StreamSocket.connect(port: server.port))
        let narInfo = try connection.ask(HTTPRequest("/\(hash).narinfo"))
        guard narInfo.status == 200 else { return nil }
        let url = try #require(narInfo.text.firstMatch(of: /URL: (\S+)/)).1
        return try connection.ask(HTTPRequest("/\(url)")).body
    }
}
