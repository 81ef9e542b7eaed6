// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc
import Synchronization

/// A client that costs as little as can be, so that the time is the server's.
///
/// One thread and one kept connection each; bodies are read into one buffer and forgotten.
final class Downloader {
    private let socket: StreamSocket
    private var buffer = [UInt8](repeating: 0, count: 1 << 18)
    /// Bytes of `buffer` that belong to the answer being read.
    private var filled = 0

    init(port: UInt16) throws {
        socket = try StreamSocket.connect(port: port)
    }

    /// What one answer was like.
    struct Answer {
        var status = 0
        var bodyBytes = 0
        /// From the end of the request to the first byte of the body.
        var untilFirstByte = Duration.zero
    }

    /// An answer that is no use for a measurement.
    struct UselessAnswer: Error, CustomStringConvertible {
        let description: String
    }

    /// Gets every target once, over several connections that take the next one as they get free.
    ///
    /// - Returns: The time from the first request to the last byte, and the bytes of all bodies.
    static func getAll(
        _ requests: [[UInt8]],
        port: UInt16,
        connections: Int
    ) async throws -> (time: Duration, bytes: Int) {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let shared = Shared(requests: requests)
            let start = ContinuousClock.now
            for _ in 0..<connections {
                group.addTask {
                    try await onOwnThread { try shared.work(port: port) }
                }
            }
            try await group.waitForAll()
            return (ContinuousClock.now - start, shared.bytes.load(ordering: .relaxed))
        }
    }

    /// The time that it takes to get every target once.
    static func seconds(of targets: [String], port: UInt16, connections: Int) async throws -> Double
    {
        let requests = targets.map { HTTPRequest($0).bytes }
        return try await getAll(requests, port: port, connections: connections).time.seconds
    }

    /// Asks and reads the whole answer; `visit` is shown the body piece by piece.
    func get(
        _ request: [UInt8],
        visit: (ArraySlice<UInt8>) throws -> Void = { _ in }
    ) throws -> Answer {
        let start = ContinuousClock.now
        try socket.write(request)
        filled = 0
        var answer = Answer()
        let (headBytes, length) = try readHead(&answer)
        var missing = length - (filled - headBytes)
        if missing < length { answer.untilFirstByte = ContinuousClock.now - start }
        try visit(buffer[headBytes..<filled])
        while missing > 0 {
            let read = try receive(at: 0)
            if missing == length { answer.untilFirstByte = ContinuousClock.now - start }
            try visit(buffer[..<read])
            missing -= read
        }
        guard missing == 0 else { throw UselessAnswer(description: "more bytes than announced") }
        answer.bodyBytes = length
        return answer
    }

    /// - Returns: The length of the head and that of the body.
    private func readHead(_ answer: inout Answer) throws -> (headBytes: Int, bodyBytes: Int) {
        while true {
            filled += try receive(at: filled)
            guard let end = headEnd() else { continue }
            let head = String(decoding: buffer[..<end], as: UTF8.self)
            answer.status = Int(head.dropFirst(9).prefix(3)) ?? 0
            guard answer.status == 200 || answer.status == 206 else {
                throw UselessAnswer(description: String(head.prefix { $0 != "\r\n" }))
            }
            guard let length = contentLength(in: head) else {
                throw UselessAnswer(description: "no Content-Length in \(head)")
            }
            return (end, length)
        }
    }

    private func headEnd() -> Int? {
        guard filled >= 4 else { return nil }
        for index in 3..<filled where buffer[index] == 10 && buffer[index - 2] == 10 {
            if buffer[index - 1] == 13 { return index + 1 }
        }
        return nil
    }

    private func contentLength(in head: String) -> Int? {
        for line in head.utf8.split(separator: 10) where line.count > 16 {
            let name = line.prefix(15).map { $0 | 0x20 }
            guard name.elementsEqual("content-length:".utf8) else { continue }
            return Int(String(decoding: line.dropFirst(15).filter { $0 > 32 }, as: UTF8.self))
        }
        return nil
    }

    private func receive(at offset: Int) throws -> Int {
        let descriptor = socket.descriptor
        let read = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe recv(
                descriptor,
                bytes.baseAddress?.advanced(by: offset),
                bytes.count - offset,
                0
            )
        }
        guard read > 0 else { throw UselessAnswer(description: "the connection ended") }
        return read
    }
}

/// What the threads of one download have in common.
private final class Shared: Sendable {
    let requests: [[UInt8]]
    let next = Atomic(0)
    let bytes = Atomic(0)

    init(requests: [[UInt8]]) {
        self.requests = requests
    }

    func work(port: UInt16) throws {
        let downloader = try Downloader(port: port)
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < requests.count else { return }
            let answer = try downloader.get(requests[index])
            bytes.wrappingAdd(answer.bodyBytes, ordering: .relaxed)
        }
    }
}
