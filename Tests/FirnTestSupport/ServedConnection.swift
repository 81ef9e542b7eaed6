// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat
import Synchronization

/// The server's end of a connection that is kept, used by one thread.
final class ServedConnection {
    struct Head {
        var method: String
        var target: String
        /// By their names in lower case.
        var fields: [String: String]
    }

    private let socket: StreamSocket
    private var pending: [UInt8] = []

    init(_ socket: StreamSocket) {
        self.socket = socket
    }

    func readHead() throws -> Head? {
        while true {
            if let end = pending.firstRange(of: Array("\r\n\r\n".utf8)) {
                let text = String(decoding: pending[..<end.lowerBound], as: UTF8.self)
                pending.removeSubrange(..<end.upperBound)
                let lines = text.split(separator: "\r\n")
                let words = lines[0].split(separator: " ")
                guard words.count == 3 else { return nil }
                var fields: [String: String] = [:]
                for line in lines.dropFirst() {
                    let halves = line.split(separator: ":", maxSplits: 1)
                    guard halves.count == 2 else { continue }
                    fields[halves[0].lowercased()] =
                        halves[1].trimmingCharacters(in: .whitespaces)
                }
                return Head(method: String(words[0]), target: String(words[1]), fields: fields)
            }
            let more = try socket.read(upTo: 1 << 16)
            guard !more.isEmpty else { return nil }
            pending += more
        }
    }

    func readBody(_ count: Int) throws -> [UInt8] {
        var body = Array(pending.prefix(count))
        pending.removeFirst(body.count)
        body.reserveCapacity(count)
        while body.count < count {
            let more = try socket.read(upTo: min(1 << 18, count - body.count))
            guard !more.isEmpty else { throw StreamSocket.Failure(call: "recv", code: 0) }
            body += more
        }
        return body
    }

    func answer(_ status: Int, _ fields: [(String, String)], _ body: [UInt8]) throws {
        var head = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\n"
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        try socket.write(Array("\(head)\r\n".utf8) + body)
    }
}
