// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Synchronization

/// The way to a server that is pushed to: it counts what goes there, and can hold it up.
final class PushRelay: Sendable {
    private struct State {
        var serverPort: UInt16
        var forwardedBytes = 0
        /// The start of what clients sent.
        var requests: [UInt8] = []
        var holdsAfterBytes: Int?
        var connections: [StreamSocket] = []
    }

    private static let keptBytes = 4 << 20
    private let listener: ListeningSocket
    private let state: Mutex<State>

    var port: UInt16 { listener.port }
    var url: String { "http://127.0.0.1:\(port)" }
    /// Bytes that went to servers, the heads of requests included.
    var forwardedBytes: Int { state.withLock { $0.forwardedBytes } }

    /// The steps of pushes that were asked for, in their order.
    var steps: [String] {
        String(decoding: state.withLock { $0.requests }, as: UTF8.self)
            .matches(of: /POST \/api\/v1\/push\/[^\/ ]+\/(\S+) HTTP/).map { String($0.1) }
    }

    private init(to serverPort: UInt16) throws {
        listener = try ListeningSocket()
        state = Mutex(State(serverPort: serverPort))
    }

    static func run<Value>(
        to serverPort: UInt16,
        _ body: (PushRelay) async throws -> Value
    ) async throws -> Value {
        let relay = try PushRelay(to: serverPort)
        Thread.detachNewThread { relay.acceptAll() }
        defer {
            relay.listener.stop()
            relay.release()
            relay.cut()
        }
        return try await body(relay)
    }

    /// Lets no more than so many bytes through, counted from the start.
    func hold(afterBytes count: Int) { state.withLock { $0.holdsAfterBytes = count } }

    func release() { state.withLock { $0.holdsAfterBytes = nil } }

    var isHolding: Bool {
        state.withLock { state in
            state.holdsAfterBytes.map { state.forwardedBytes >= $0 } ?? false
        }
    }

    /// Ends all connections; those that come go to this server.
    func cut(andLeadTo serverPort: UInt16? = nil) {
        let connections = state.withLock { state in
            defer { state.connections = [] }
            if let serverPort { state.serverPort = serverPort }
            return state.connections
        }
        for connection in connections { connection.cut() }
    }

    private func acceptAll() {
        while let client = try? listener.accept() {
            let port = state.withLock { $0.serverPort }
            guard let server = try? StreamSocket.connect(port: port) else {
                client.cut()
                continue
            }
            server.boundSending(to: 64 << 10)
            state.withLock { $0.connections += [client, server] }
            Thread.detachNewThread { self.passRequests(from: client, to: server) }
            Thread.detachNewThread {
                while let piece = try? server.read(upTo: 65_536), !piece.isEmpty {
                    guard (try? client.write(piece)) != nil else { break }
                }
                client.cut()
            }
        }
    }

    private func passRequests(from client: StreamSocket, to server: StreamSocket) {
        while let piece = try? client.read(upTo: 65_536), !piece.isEmpty {
            while isHolding { Thread.sleep(forTimeInterval: 0.005) }
            guard (try? server.write(piece)) != nil else { break }
            state.withLock { state in
                state.forwardedBytes += piece.count
                if state.requests.count < Self.keptBytes { state.requests += piece }
            }
        }
        server.cut()
    }
}
