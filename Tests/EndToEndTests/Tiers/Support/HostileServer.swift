// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// A server that sends whatever bytes a test wants, one answer to a connection.
final class HostileServer: Sendable {
    /// Writes the answer to a request for a target.
    typealias Script = @Sendable (_ target: String, _ socket: StreamSocket) throws -> Void

    var url: String { "http://127.0.0.1:\(listener.port)" }

    private let listener: ListeningSocket
    private let script: Script

    init(_ script: @escaping Script) throws {
        listener = try ListeningSocket()
        self.script = script
        Thread.detachNewThread { [listener] in
            while let socket = try? listener.accept() {
                Thread.detachNewThread { try? Self.serve(socket, script) }
            }
        }
    }

    func stop() { listener.stop() }

    private static func serve(_ socket: StreamSocket, _ script: Script) throws {
        defer { socket.close() }
        var head: [UInt8] = []
        while head.firstRange(of: Array("\r\n\r\n".utf8)) == nil {
            let piece = try socket.read()
            guard !piece.isEmpty else { return }
            head += piece
        }
        let words = String(decoding: head, as: UTF8.self).split(separator: " ")
        guard words.count > 2 else { return }
        try script(String(words[1]), socket)
    }
}

extension StreamSocket {
    /// Writes the head of an answer, after which the connection ends.
    func writeHead(_ status: Int, length: Int, fields: [String] = []) throws {
        let lines = ["HTTP/1.1 \(status) X", "Content-Length: \(length)", "Connection: close"]
        try write(Array((lines + fields + ["", ""]).joined(separator: "\r\n").utf8))
    }

    /// Writes a whole answer.
    func answer(_ status: Int, _ body: [UInt8], fields: [String] = []) throws {
        try writeHead(status, length: body.count, fields: fields)
        try write(body)
        // Closing with unread bytes would take what was sent away from the peer.
        finishWriting()
        _ = try? read()
    }

    /// Writes a byte at a time, with pauses, until the peer goes away.
    func drip(_ bytes: [UInt8]) throws {
        for byte in bytes {
            try write([byte])
            Thread.sleep(forTimeInterval: 0.25)
        }
    }

    /// Writes nothing until the peer goes away.
    func staySilent() throws { while try !read().isEmpty {} }
}
