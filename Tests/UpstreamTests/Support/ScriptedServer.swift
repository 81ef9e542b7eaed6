// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Synchronization
import Upstream

/// A server that does exactly what a test says, byte by byte, good or bad.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        /// As it stood in the request line.
        var target: String
        /// By name in lower case.
        var headers: [String: String]
    }

    enum Step: Sendable {
        case send([UInt8])
        case pause(Duration)
        /// Ends the connection here.
        case cut
        /// Says nothing any more, until the server is stopped.
        case silence

        static func send(_ text: String) -> Step { .send(Array(text.utf8)) }
    }

    typealias Script = @Sendable (Request) -> [Step]

    var port: UInt16 { listener.port }
    var url: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { log.withLock { $0 } }
    /// The most connections that were open at one time.
    var mostConnections: Int { connections.withLock { $0.most } }

    var openConnections: Int { connections.withLock { $0.open.count } }

    private let listener: ListeningSocket
    private let script: Script
    private let log = Mutex<[Request]>([])
    private let connections = Mutex((open: [StreamSocket](), most: 0))
    private let isStopped = Mutex(false)

    private init(_ script: @escaping Script) throws {
        listener = try ListeningSocket()
        self.script = script
    }

    /// Runs while `body` does.
    static func run<Value>(
        _ script: @escaping Script,
        _ body: (ScriptedServer) async throws -> Value
    ) async throws -> Value {
        let server = try ScriptedServer(script)
        Thread.detachNewThread { server.acceptAll() }
        defer { server.stop() }
        return try await body(server)
    }

    func stop() {
        isStopped.withLock { $0 = true }
        listener.stop()
        for connection in connections.withLock({ $0.open }) { connection.cut() }
    }

    private func acceptAll() {
        while let connection = try? listener.accept() {
            connections.withLock { book in
                book.open.append(connection)
                book.most = max(book.most, book.open.count)
            }
            Thread.detachNewThread {
                self.serve(connection)
                connection.cut()
                self.connections.withLock { $0.open.removeAll { $0 === connection } }
            }
        }
    }

    private func serve(_ connection: StreamSocket) {
        var buffer: [UInt8] = []
        while let request = read(&buffer, from: connection) {
            log.withLock { $0.append(request) }
            for step in script(request) {
                switch step {
                case .send(let bytes):
                    guard (try? connection.write(bytes)) != nil else { return }
                case .pause(let time): Thread.sleep(forTimeInterval: time / .seconds(1))
                case .cut: return
                case .silence:
                    while !isStopped.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.02) }
                    return
                }
            }
        }
    }

    private func read(_ buffer: inout [UInt8], from connection: StreamSocket) -> Request? {
        let end: [UInt8] = [13, 10, 13, 10]
        while true {
            if let range = buffer.firstRange(of: end) {
                let head = String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
                buffer.removeSubrange(..<range.upperBound)
                return Self.request(head)
            }
            guard let piece = try? connection.read(), !piece.isEmpty else { return nil }
            buffer += piece
        }
    }

    private static func request(_ head: String) -> Request {
        let lines = head.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        return Request(target: words.count > 1 ? String(words[1]) : "", headers: headers)
    }
}

extension [ScriptedServer.Step] {
    /// An ordinary answer.
    static func answer(
        _ status: Int = 200,
        _ headers: [String: String] = [:],
        _ body: [UInt8] = []
    ) -> Self {
        let lines = headers.map { "\($0): \($1)\r\n" }.joined()
        let head = "HTTP/1.1 \(status) Such\r\nContent-Length: \(body.count)\r\n\(lines)\r\n"
        return [.send([UInt8](head.utf8) + body)]
    }

    static func answer(_ status: Int = 200, text: String) -> Self {
        answer(status, [:], [UInt8](text.utf8))
    }

    /// What `nix-cache-info` says of a good cache.
    static func cacheInfo(_ headers: [String: String] = [:]) -> Self {
        answer(200, headers, [UInt8]("StoreDir: /nix/store\nWantMassQuery: 1\n".utf8))
    }
}
