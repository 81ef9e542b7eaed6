// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import FirnTestSupport
import Logging
import NixFormat
import NixStore
import StoreTestSupport
import Testing

/// The lane and the framework must be told apart by their speed alone.
@Suite struct FastLaneTests {
    private func withListener(
        over store: MemoryStore,
        _ body: (UInt16, StoreTier) async throws -> Void
    ) async throws {
        let tier = StoreTier.over(store)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let metrics = ServerMetrics()
        let ports = AsyncStream.makeStream(of: UInt16.self)
        let listener = CacheListener(
            configuration: ServerConfiguration(addresses: [.tcp(host: "127.0.0.1", port: 0)]),
            responder: CacheResponder(
                cache: .over(tier),
                metrics: metrics,
                priority: 30,
                node: Node(version: "test"),
                logger: logger
            ),
            metrics: metrics,
            logger: logger
        ) { addresses in
            if case .tcp(_, let port)? = addresses.first { ports.continuation.yield(UInt16(port)) }
        }
        try await withThrowingTaskGroup { group in
            group.addTask { try await listener.run() }
            for await port in ports.stream {
                try await body(port, tier)
                break
            }
            group.cancelAll()
        }
    }

    private func ask(_ port: UInt16, _ requests: [String]) async throws -> [HTTPAnswer] {
        try await onOwnThread {
            let connection = HTTPConnection(try StreamSocket.connect(port: port))
            try connection.socket.write(Array(requests.joined().utf8))
            return try requests.map { try connection.readAnswer(toHead: $0.hasPrefix("HEAD")) }
        }
    }

    @Test func theLaneAnswersAsTheFrameworkDoes() async throws {
        let store = MemoryStore()
        let info = store.add(try .named("hello"), .text("hi"))
        try await withListener(over: store) { port, tier in
            _ = try await tier.resolveNARInfo(info.path.hash)
            for method in ["GET", "HEAD"] {
                let line = "\(method) /\(info.path.hash).narinfo HTTP/1.1\r\nHost: a\r\n"
                // The framework gets what the lane does not know.
                let answers = try await ask(port, [line + "\r\n", line + "Expect: x\r\n\r\n"])
                #expect(answers[0].status == 200)
                #expect(answers[0].status == answers[1].status)
                #expect(answers[0].body == answers[1].body)
                #expect(answers[0].fieldsWithoutDate == answers[1].fieldsWithoutDate)
            }
        }
    }

    @Test func requestsSentAheadAreAnsweredInOrder() async throws {
        let store = MemoryStore()
        let known = store.add(try .named("known"), .text("hi"))
        let unknown = try StorePath.named("unknown")
        try await withListener(over: store) { port, tier in
            _ = try await tier.resolveNARInfo(known.path.hash)
            let hashes = (0..<40).map { $0 % 3 == 2 ? unknown.hash : known.path.hash }
            let requests = hashes.map { "GET /\($0).narinfo HTTP/1.1\r\nHost: a\r\n\r\n" }
            let answers = try await ask(port, requests)
            #expect(answers.map(\.status) == hashes.map { $0 == unknown.hash ? 404 : 200 })
        }
    }

    @Test func aClientOfHTTP10GetsTheEndOfTheConnection() async throws {
        try await withListener(over: MemoryStore()) { port, _ in
            let (answer, rest) = try await onOwnThread {
                let connection = HTTPConnection(try StreamSocket.connect(port: port))
                try connection.socket.write(Array("GET /healthz HTTP/1.0\r\n\r\n".utf8))
                return (try connection.readAnswer(), try connection.socket.read())
            }
            #expect(answer.status == 200 && answer.isComplete)
            #expect(rest.isEmpty)
        }
    }

    @Test func aPathThatVanishedIsSaidToBeGone() async throws {
        let store = MemoryStore()
        let info = store.add(try .named("gone"), .text("hi"))
        try await withListener(over: store) { port, tier in
            _ = try await tier.resolveNARInfo(info.path.hash)
            let hash = info.narHash.text(.nix32).suffix(52)
            let request = "GET /nar/\(info.path.hash)-\(hash).nar HTTP/1.1\r\nHost: a\r\n\r\n"
            let again = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            #expect(try await ask(port, [request, again]).map(\.status) == [404, 200])
        }
    }
}

extension HTTPAnswer {
    fileprivate var fieldsWithoutDate: [String] {
        fields.filter { $0.name.lowercased() != "date" }
            .map { "\($0.name.lowercased()): \($0.value)" }.sorted()
    }
}
