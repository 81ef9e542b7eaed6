// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Passes TCP connections on to a server, and ends one of them in the middle of an answer.
package final class CuttingProxy: Sendable {
    /// What it has passed on so far.
    package struct Account: Sendable {
        /// Bytes of the server that went to clients.
        package var deliveredBytes = 0
        /// Bytes of clients, with the heads of their requests in plain text.
        package var requests: [UInt8] = []
        /// Whether a connection was ended.
        package var hasCut = false
    }

    package var port: UInt16 { listener.port }

    private let listener: ListeningSocket
    private let serverPort: UInt16
    private let cutAfterBytes: Int
    private let book = Mutex(Account())
    private let connections = Mutex<[StreamSocket]>([])

    private init(to serverPort: UInt16, cutAfterBytes: Int) throws {
        listener = try ListeningSocket()
        self.serverPort = serverPort
        self.cutAfterBytes = cutAfterBytes
    }

    package var account: Account { book.withLock { $0 } }

    /// Starts a proxy that ends the first connection to have delivered `cutAfterBytes`.
    package static func run<Value>(
        to serverPort: UInt16,
        cutAfterBytes: Int,
        _ body: (CuttingProxy) async throws -> Value
    ) async throws -> Value {
        let proxy = try CuttingProxy(to: serverPort, cutAfterBytes: cutAfterBytes)
        Thread.detachNewThread { proxy.acceptAll() }
        defer { proxy.stop() }
        return try await body(proxy)
    }

    private func stop() {
        listener.stop()
        for connection in connections.withLock({ $0 }) { connection.cut() }
    }

    private func acceptAll() {
        while let client = try? listener.accept() {
            guard let server = try? StreamSocket.connect(port: serverPort) else { continue }
            connections.withLock { $0 += [client, server] }
            Thread.detachNewThread { self.passRequests(from: client, to: server) }
            Thread.detachNewThread { self.passAnswers(from: server, to: client) }
        }
    }

    private func passRequests(from client: StreamSocket, to server: StreamSocket) {
        while let piece = try? client.read(), !piece.isEmpty {
            book.withLock { $0.requests += piece }
            guard (try? server.write(piece)) != nil else { break }
        }
        server.finishWriting()
    }

    private func passAnswers(from server: StreamSocket, to client: StreamSocket) {
        var delivered = 0
        while let piece = try? server.read(upTo: 16_384), !piece.isEmpty {
            let allowed = note(piece.count, after: delivered)
            delivered += allowed
            guard (try? client.write(piece.prefix(allowed))) != nil else { break }
            if allowed < piece.count { break }
        }
        // What was sent reaches the client before the end does, as when a server dies.
        client.finishWriting()
        server.cut()
    }

    /// - Returns: How many of `count` further bytes the client may have.
    private func note(_ count: Int, after delivered: Int) -> Int {
        book.withLock { account in
            let cuts = !account.hasCut && delivered + count > cutAfterBytes
            let allowed = cuts ? cutAfterBytes - delivered : count
            account.hasCut = account.hasCut || cuts
            account.deliveredBytes += allowed
            return allowed
        }
    }
}
