// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing
import Upstream

/// One document of a server that is no cache.
@Suite(.inTurn) struct DocumentTests {
    private static let client: UpstreamClient = {
        var configuration = UpstreamClientConfiguration(version: "test")
        configuration.connect = .seconds(20)
        return UpstreamClient(configuration)
    }()

    /// Gets the document that a script answers with.
    private static func get(
        within limit: Duration = .seconds(20),
        _ script: @escaping ScriptedServer.Script
    ) async throws -> (Result<WebDocument, UpstreamFailure>, requests: [ScriptedServer.Request]) {
        try await ScriptedServer.run(script) { server in
            let url = try HTTPURL(parsing: "\(server.url)/a/keys")
            do throws(UpstreamFailure) {
                let document = try await client.document(
                    at: url,
                    maximumBytes: 1_000,
                    within: limit
                )
                return (.success(document), server.requests)
            } catch {
                return (.failure(error), server.requests)
            }
        }
    }

    @Test func aDocumentIsFetchedWhole() async throws {
        let (result, requests) = try await Self.get { _ in
            .answer(200, ["Cache-Control": "public, max-age=600"], [UInt8]("{}".utf8))
        }
        let document = try result.get()
        #expect(document.bytes == [UInt8]("{}".utf8))
        #expect(document.lifetime == .seconds(600))
        let request = try #require(requests.first)
        #expect(request.target == "/a/keys")
        #expect(request.headers["user-agent"] == "firn/test")
        #expect(request.headers["authorization"] == nil && request.headers["x-firn-via"] == nil)
    }

    @Test(
        arguments: [
            ("", nil), ("public", nil), ("MAX-AGE=5", 5), ("max-age=0", 0), ("no-store", 0),
            ("max-age=600, no-cache", 0), ("max-age=x", nil), ("max-age=-1", nil),
            ("max-age=99999999999999999999", nil),
        ] as [(String, Int64?)]
    )
    func itsLifetimeIsWhatCacheControlSays(_ field: String, _ seconds: Int64?) async throws {
        let (result, _) = try await Self.get { _ in
            .answer(200, field.isEmpty ? [:] : ["Cache-Control": field], [1])
        }
        #expect(try result.get().lifetime == seconds.map { .seconds($0) })
    }

    @Test(arguments: [301, 302, 307, 404, 500])
    func whateverIsNoDocumentIsAFailure(_ status: Int) async throws {
        let (result, requests) = try await Self.get { _ in
            .answer(status, ["Location": "/elsewhere"])
        }
        #expect(throws: UpstreamFailure.status(status)) { try result.get() }
        #expect(requests.count == 1, "no redirect is followed")
    }

    @Test func whatIsTooLargeIsAFailure() async throws {
        let large = [UInt8](repeating: 0x20, count: 1_001)
        let (told, _) = try await Self.get { _ in .answer(200, [:], large) }
        #expect(throws: UpstreamFailure.malformed("more than 1000 bytes")) { try told.get() }
        let head = "HTTP/1.1 200 Such\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n"
        let (untold, _) = try await Self.get { _ in
            [.send(Array(head.utf8) + large + Array("\r\n0\r\n\r\n".utf8))]
        }
        #expect(throws: UpstreamFailure.malformed("more than 1000 bytes")) { try untold.get() }
    }

    @Test func silenceEnds() async throws {
        for script in [[ScriptedServer.Step.silence], [.send("HTTP/1.1 200 S\r\n"), .silence]] {
            let (result, _) = try await Self.get(within: .milliseconds(300)) { _ in script }
            #expect(throws: UpstreamFailure.timedOut) { try result.get() }
        }
        let body = "HTTP/1.1 200 S\r\nContent-Length: 10\r\n\r\nhalf"
        let (half, _) = try await Self.get(within: .milliseconds(300)) { _ in
            [.send(body), .silence]
        }
        #expect(throws: UpstreamFailure.self) { try half.get() }
    }
}
