// SPDX-License-Identifier: Apache-2.0

/// One HTTP/1.1 connection, used by one thread at a time, on which any bytes can be sent.
package final class HTTPConnection {
    package let socket: StreamSocket
    /// Read from the socket but not consumed.
    private var pending: [UInt8] = []

    package init(_ socket: StreamSocket) {
        self.socket = socket
    }

    /// Sends a request and reads its answer.
    package func ask(_ request: HTTPRequest) throws -> HTTPAnswer {
        try socket.write(request.bytes)
        return try readAnswer(toHead: request.method == "HEAD")
    }

    /// Reads one answer; that to a HEAD has no body, whatever its length says.
    ///
    /// - Throws: ``NoAnswer`` when the connection ends before a whole head has come.
    package func readAnswer(toHead isToHead: Bool = false) throws -> HTTPAnswer {
        var answer = try readHead()
        if isToHead || answer.status == 304 || answer.status == 204 {
            answer.isComplete = true
        } else if answer["Transfer-Encoding"]?.lowercased() == "chunked" {
            answer.isComplete = try readChunks(into: &answer.body)
        } else if let length = answer["Content-Length"].flatMap({ Int($0) }) {
            answer.isComplete = try readBytes(length, into: &answer.body)
        } else {
            while try readMore() {}
            answer.body = take(pending.count)
            answer.isComplete = true
        }
        return answer
    }

    /// Reads a head only; the body stays unread on the connection.
    package func readHead() throws -> HTTPAnswer {
        while true {
            if let end = pending.firstRange(of: Array("\r\n\r\n".utf8)) {
                let head = String(decoding: pending[..<end.lowerBound], as: UTF8.self)
                pending.removeSubrange(..<end.upperBound)
                guard let answer = HTTPAnswer(parsing: head) else {
                    throw NoAnswer(received: head)
                }
                return answer
            }
            guard try readMore() else {
                throw NoAnswer(received: String(decoding: pending, as: UTF8.self))
            }
        }
    }

    /// Reads up to `count` bytes of a body.
    ///
    /// - Returns: Whether all of them came.
    package func readBytes(_ count: Int, into body: inout [UInt8]) throws -> Bool {
        var missing = count
        while missing > 0 {
            if pending.isEmpty, try !readMore() { return false }
            let piece = take(min(missing, pending.count))
            missing -= piece.count
            body += piece
        }
        return true
    }

    /// The connection ended, or spoke something else than HTTP, before an answer had a head.
    package struct NoAnswer: Error, CustomStringConvertible {
        package let received: String

        package var description: String {
            "no answer, but \(received.prefix(200).debugDescription)"
        }
    }

    private func readChunks(into body: inout [UInt8]) throws -> Bool {
        while true {
            guard let line = try readLine() else { return false }
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else { return false }
            guard try readBytes(size, into: &body), try readLine() == "" else { return false }
            if size == 0 { return true }
        }
    }

    private func readLine() throws -> String? {
        while true {
            if let end = pending.firstRange(of: Array("\r\n".utf8)) {
                let line = String(decoding: pending[..<end.lowerBound], as: UTF8.self)
                pending.removeSubrange(..<end.upperBound)
                return line
            }
            guard try readMore() else { return nil }
        }
    }

    private func take(_ count: Int) -> [UInt8] {
        guard count < pending.count else {
            defer { pending = [] }
            return pending
        }
        defer { pending.removeFirst(count) }
        return Array(pending.prefix(count))
    }

    /// - Returns: Whether there was anything more; a reset connection counts as ended.
    private func readMore() throws -> Bool {
        do {
            let piece = try socket.read(upTo: 1 << 18)
            pending += piece
            return !piece.isEmpty
        } catch let failure as StreamSocket.Failure where failure.isReset {
            return false
        }
    }
}
