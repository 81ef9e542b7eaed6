// SPDX-License-Identifier: Apache-2.0
import CacheClient
import FirnAPI
import FirnTestSupport
import NixFormat
import Testing

@Suite struct FirnConnectionTests {
    private static let explanation = #"{"path":"abc","summary":"No.","tiers":[],"later":1}"#
    private static let metrics = ScriptedServer.Reply.answer(
        status: 200,
        type: "text/plain; version=0.0.4",
        body: "firn_store_bad_paths_total 0\n"
    )

    private static func hash() throws -> StorePathHash {
        try StorePathHash(parsing: "00000000000000000000000000000abc")
    }

    private static func connection(
        to url: String,
        limit: Duration = .seconds(20)
    ) -> FirnConnection {
        var limits = FirnConnection.Limits()
        (limits.status, limits.explain) = (limit, limit)
        let socket = url.hasPrefix("unix:") ? String(url.dropFirst(5)) : nil
        return FirnConnection(
            to: socket.map { .unix(path: $0) }
                ?? .web(url: url, certificate: .authorities(file: nil)),
            limits: limits
        )
    }

    private static func cause(
        of connection: FirnConnection
    ) async throws -> FirnConnectionError.Cause? {
        let hash = try hash()
        let error = await #expect(throws: FirnConnectionError.self) {
            _ = try await connection.explain(hash)
        }
        return error?.cause
    }

    @Test func anAnswerComesWithTheBytesItWasReadFrom() async throws {
        try await withScriptedServer { _ in
            .json(Self.explanation)
        } _: { server in
            let reply = try await Self.connection(to: server.url).explain(try Self.hash())
            #expect(reply.body.summary == "No.")
            #expect(String(decoding: reply.json, as: UTF8.self) == Self.explanation)
            #expect(server.requests.map(\.method) == ["GET"])
            #expect(
                server.requests.map(\.target)
                    == ["/api/v1/explain/00000000000000000000000000000abc"]
            )
        }
    }

    @Test func aUnixSocketIsAskedTheSame() async throws {
        try await withTemporaryDirectory { folder in
            try await withScriptedServer(unixPath: folder.path("s ock%et")) { _ in
                .json(#"{"dry-run":true,"freed-bytes":0,"objects":[]}"#)
            } _: { server in
                let request = CollectRequest(downToBytes: 7, isDryRun: true)
                let reply = try await Self.connection(to: server.url).collect(request)
                #expect(reply.body.isDryRun)
                #expect(server.requests.map(\.method) == ["POST"])
                #expect(server.requests.map(\.target) == ["/api/v1/collect"])
                #expect(
                    server.requests.map(\.body)
                        == [Array(#"{"down-to-bytes":7,"dry-run":true}"#.utf8)]
                )
            }
        }
    }

    @Test func nobodyThereIsToldAtOnce() async throws {
        let url = try await withScriptedServer { _ in
            .notFound
        } _: {
            $0.url
        }
        let refused = try await Self.cause(of: Self.connection(to: url))
        #expect(refused == .notRunning(reason: "connection refused"))
        let named = try await Self.cause(of: Self.connection(to: "http://localhost:1"))
        #expect(named == .notRunning(reason: "connection refused"))
        try await withTemporaryDirectory { folder in
            let missing = Self.connection(to: "unix:\(folder.path("gone"))")
            let cause = try await Self.cause(of: missing)
            #expect(cause == .notRunning(reason: "no such file or directory"))
        }
    }

    @Test func silenceEndsWithTheLimit() async throws {
        try await withScriptedServer { _ in
            .silence
        } _: { server in
            let limit = Duration.milliseconds(300)
            let connection = Self.connection(to: server.url, limit: limit)
            let started = ContinuousClock.now
            let cause = try await Self.cause(of: connection)
            #expect(cause == .timedOut(after: limit))
            #expect(ContinuousClock.now - started < .seconds(10))
        }
    }

    @Test func aBodyThatStopsIsNoAnswer() async throws {
        try await withScriptedServer { _ in
            .half(of: Self.explanation)
        } _: { server in
            let cause = try await Self.cause(of: Self.connection(to: server.url))
            guard case .brokenOff = cause else {
                Issue.record("\(String(describing: cause))")
                return
            }
        }
    }

    @Test func anotherServerIsNoFirn() async throws {
        let replies: [ScriptedServer.Reply] = [
            .notFound, .answer(status: 200, type: "text/html", body: "<p>Welcome"),
            .answer(status: 401, type: "text/plain", body: "who are you?"),
        ]
        for reply in replies {
            try await withScriptedServer { _ in
                reply
            } _: { server in
                let cause = try await Self.cause(of: Self.connection(to: server.url))
                #expect(cause == .notFirn)
            }
        }
    }

    @Test func somethingThatSpeaksNoHTTPIsBrokenOff() async throws {
        try await withScriptedServer { _ in
            .garbage
        } _: { server in
            let cause = try await Self.cause(of: Self.connection(to: server.url))
            guard case .brokenOff = cause else {
                Issue.record("\(String(describing: cause))")
                return
            }
        }
    }

    @Test func aFirnWithoutTheQuestionIsToldApart() async throws {
        try await withScriptedServer {
            $0.target == "/metrics" ? Self.metrics : .notFound
        } _: { server in
            let cause = try await Self.cause(of: Self.connection(to: server.url))
            #expect(cause == .unanswered)
        }
    }

    @Test func anAnswerOfAnotherVersionSaysWhatIsMissing() async throws {
        try await withScriptedServer { _ in
            .json(#"{"path":"abc","tiers":[]}"#)
        } _: { server in
            let cause = try await Self.cause(of: Self.connection(to: server.url))
            guard case .unreadable(let error) = cause else {
                Issue.record("\(String(describing: cause))")
                return
            }
            #expect(error.description == "has no \"summary\"")
        }
    }

    @Test func aFailureIsToldWithItsPhrase() async throws {
        try await withScriptedServer { _ in
            .answer(status: 503, type: "text/plain", body: "the store does not answer\nat all\n")
        } _: { server in
            let cause = try await Self.cause(of: Self.connection(to: server.url))
            #expect(cause == .failed(status: 503, phrase: "the store does not answer"))
        }
    }
}
