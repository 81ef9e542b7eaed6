// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Synchronization

/// The way to a server: it counts what is asked, and can be closed, opened and held.
final class Gate: Sendable {
    private struct State {
        var listener: ListeningSocket?
        var connections: [StreamSocket] = []
        /// What clients sent, in plain text.
        var requests: [UInt8] = []
        var closesAfterBytes: Int?
        var holdsAfterBytes: Int?
    }

    let port: UInt16
    private let serverPort: UInt16
    private let state = Mutex(State())

    var url: String { "http://127.0.0.1:\(port)" }

    /// The targets that were asked for, in the order in which they came.
    var targets: [String] {
        String(decoding: state.withLock { $0.requests }, as: UTF8.self)
            .matches(of: /(?:GET|HEAD) (\S+) HTTP/).map { String($0.1) }
    }

    /// How often a NAR was asked for.
    var narCount: Int { targets.count { $0.contains("/nar/") } }

    var isOpen: Bool { state.withLock { $0.listener != nil } }

    init(to serverPort: UInt16) throws {
        self.serverPort = serverPort
        let listener = try ListeningSocket()
        port = listener.port
        begin(listener)
    }

    /// Refuses connections, and ends those that there are.
    func close() {
        let old = state.withLock { state in
            defer {
                state.listener = nil
                state.connections = []
            }
            return state
        }
        old.listener?.stop()
        for connection in old.connections { connection.cut() }
    }

    /// Lets everything through again, on the same port.
    func open() throws {
        state.withLock { state in
            state.closesAfterBytes = nil
            state.holdsAfterBytes = nil
        }
        guard !isOpen else { return }
        begin(try ListeningSocket(port: port))
    }

    /// Closes by itself when one connection has brought so many bytes.
    func closes(afterBytes count: Int) { state.withLock { $0.closesAfterBytes = count } }

    /// Brings no more than so many bytes on one connection until it is opened again.
    func holds(afterBytes count: Int) { state.withLock { $0.holdsAfterBytes = count } }

    private func begin(_ listener: ListeningSocket) {
        state.withLock { $0.listener = listener }
        Thread.detachNewThread { [self] in
            while let client = try? listener.accept() {
                guard let server = try? StreamSocket.connect(port: serverPort) else { continue }
                state.withLock { $0.connections += [client, server] }
                Thread.detachNewThread { self.passRequests(from: client, to: server) }
                Thread.detachNewThread { self.passAnswers(from: server, to: client) }
            }
        }
    }

    private func passRequests(from client: StreamSocket, to server: StreamSocket) {
        while let piece = try? client.read(), !piece.isEmpty {
            state.withLock { $0.requests += piece }
            guard (try? server.write(piece)) != nil else { break }
        }
        server.cut()
    }

    private func passAnswers(from server: StreamSocket, to client: StreamSocket) {
        var delivered = 0
        while let piece = try? server.read(upTo: 65_536), !piece.isEmpty {
            while state.withLock({ $0.holdsAfterBytes.map { $0 < delivered } ?? false }) {
                Thread.sleep(forTimeInterval: 0.005)
            }
            guard (try? client.write(piece)) != nil else { break }
            delivered += piece.count
            if state.withLock({ $0.closesAfterBytes.map { $0 <= delivered } ?? false }) { close() }
        }
        client.cut()
    }
}

/// Puts a gate before a server for the time of the body.
func withGate<Value>(
    to serverPort: UInt16,
    _ body: (Gate) async throws -> Value
) async throws -> Value {
    let gate = try Gate(to: serverPort)
    defer {
        try? gate.open()
        gate.close()
    }
    return try await body(gate)
}
