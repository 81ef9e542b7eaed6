// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A small HTTP server whose every answer is the test's, one to a connection.
package final class ScriptedServer: Sendable {
    package struct Request: Sendable, Hashable {
        package var method: String
        package var target: String
        package var body: [UInt8]
    }

    package enum Reply: Sendable {
        case answer(status: Int, type: String, body: String)
        /// The head, and half of the body that it promises.
        case half(of: String)
        /// Nothing, until the peer goes away.
        case silence
        /// Bytes that are no answer.
        case garbage

        package static func json(_ body: String) -> Reply {
            .answer(status: 200, type: "application/json", body: body)
        }

        package static let notFound = Reply.answer(
            status: 404,
            type: "text/plain; charset=utf-8",
            body: "not found\n"
        )
    }

    /// As a client writes it; a socket's starts with `unix:`.
    package let url: String
    private let listener: ListeningSocket
    private let seen = Mutex<[Request]>([])
    private let reply: @Sendable (Request) -> Reply

    /// What was asked so far, in the order in which it came.
    package var requests: [Request] { seen.withLock { $0 } }

    fileprivate init(
        unixPath: String?,
        reply: @escaping @Sendable (Request) -> Reply
    ) throws {
        listener = try unixPath.map { try ListeningSocket(unixPath: $0) } ?? ListeningSocket()
        url = unixPath.map { "unix:\($0)" } ?? "http://127.0.0.1:\(listener.port)"
        self.reply = reply
    }

    fileprivate func start() {
        Thread.detachNewThread { [self] in
            while let socket = try? listener.accept() {
                Thread.detachNewThread { [self] in try? serve(socket) }
            }
        }
    }

    fileprivate func stop() { listener.stop() }

    private func serve(_ socket: StreamSocket) throws {
        defer { socket.close() }
        guard let request = try readRequest(socket) else { return }
        seen.withLock { $0.append(request) }
        switch reply(request) {
        case .answer(let status, let type, let body):
            try socket.write(Self.head(status, type, body) + Array(body.utf8))
        case .half(let body):
            let half = Array(body.utf8.prefix(body.utf8.count / 2))
            try socket.write(Self.head(200, "application/json", body) + half)
        case .silence:
            while try !socket.read().isEmpty {}
        case .garbage:
            try socket.write(Array("SSH-2.0-something\r\n".utf8))
        }
    }

    private static func head(_ status: Int, _ type: String, _ body: String) -> [UInt8] {
        Array(
            """
            HTTP/1.1 \(status) X\r
            Content-Type: \(type)\r
            Content-Length: \(body.utf8.count)\r
            Connection: close\r
            \r

            """.utf8
        )
    }

    private func readRequest(_ socket: StreamSocket) throws -> Request? {
        var bytes: [UInt8] = []
        while true {
            let more = try socket.read()
            guard !more.isEmpty else { return nil }
            bytes += more
            guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { continue }
            let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
            let words = head.prefix { $0 != "\r\n" }.split(separator: " ")
            guard words.count == 3 else { return nil }
            let length = head.firstMatch(of: /(?i)\r\ncontent-length: *(\d+)/)
            var body = Array(bytes[end.upperBound...])
            while body.count < length.flatMap({ Int($0.1) }) ?? 0 { body += try socket.read() }
            return Request(method: String(words[0]), target: String(words[1]), body: body)
        }
    }
}

/// Answers requests on loopback, or on a unix socket, for the time of one closure.
package func withScriptedServer<Value>(
    unixPath: String? = nil,
    reply: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Reply,
    _ body: (ScriptedServer) async throws -> Value
) async throws -> Value {
    let server = try ScriptedServer(unixPath: unixPath, reply: reply)
    server.start()
    defer { server.stop() }
    return try await body(server)
}
