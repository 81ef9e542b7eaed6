// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport

/// A client that has read the head and the first bytes of an answer and then waits.
///
/// It is handed from thread to thread but used by one at a time.
// SAFETY: `connection` is touched in `start` before the value exists for others, and then by the
// one caller of `readTheRest`.
final class SlowReader: @unchecked Sendable {
    private let connection: HTTPConnection
    private var answer: HTTPAnswer

    private init(connection: HTTPConnection, answer: HTTPAnswer) {
        self.connection = connection
        self.answer = answer
    }

    /// Asks, and reads 100 kB; the little that the kernel takes ahead is all that goes on.
    static func start(_ request: HTTPRequest, on server: FirnServer) async throws -> SlowReader {
        let port = server.port
        return try await onOwnThread {
            let socket = try StreamSocket.connect(port: port, receiveBufferBytes: 16_384)
            let connection = HTTPConnection(socket)
            try socket.write(request.bytes)
            var answer = try connection.readHead()
            _ = try connection.readBytes(100_000, into: &answer.body)
            return SlowReader(connection: connection, answer: answer)
        }
    }

    /// Reads on to the end.
    func readTheRest() async throws -> HTTPAnswer {
        try await onOwnThread { [self] in
            let length = answer["Content-Length"].flatMap { Int($0) } ?? 0
            answer.isComplete = try connection.readBytes(
                length - answer.body.count,
                into: &answer.body
            )
            return answer
        }
    }

    /// Closes the connection without reading on.
    func vanish() { connection.socket.close() }
}

extension StreamSocket {
    /// Whether the peer has ended the connection; what it sent before that is thrown away.
    func isEnded(within limit: Duration) throws -> Bool {
        try setReadTimeout(limit)
        do {
            while try !read().isEmpty {}
            return true
        } catch let failure as Failure {
            return failure.isReset
        }
    }
}
