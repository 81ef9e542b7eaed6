// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Push

/// Many requests to few servers, on connections that are kept: the HTTP client of a push.
package final class WebSession: Sendable {
    struct Request: Sendable {
        enum Body: Sendable {
            case none
            case json([UInt8])
            /// Sent in pieces, each of which is told when it has been taken.
            case part(UploadPart, onBytes: @Sendable (Int) -> Void)
        }

        var method: HTTPMethod = .GET
        var url: String
        var headers: [(String, String)] = []
        var body = Body.none
        /// From the call to the answer's last byte.
        var limit: Duration
    }

    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var body: [UInt8]
    }

    /// Far above what a list of missing paths needs.
    private static let largestAnswerBytes = 64 << 20
    private let client: HTTPClient

    /// - Parameter connections: As many to a server at a time.
    package init(connections: Int) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.decompression = .disabled
        configuration.timeout = .init(
            connect: .seconds(10),
            read: .seconds(90),
            write: .seconds(60)
        )
        configuration.connectionPool = .init(
            idleTimeout: .seconds(30),
            concurrentHTTP1ConnectionsPerHostSoftLimit: connections
        )
        // Whoever asks tries again by itself, and says so.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Ends the connections; nothing may be sent afterwards.
    package func shutDown() async { try? await client.shutdown() }

    func send(_ request: Request) async throws(PushTargetError) -> Answer {
        do {
            var message = HTTPClientRequest(url: request.url)
            message.method = request.method
            for (name, value) in request.headers { message.headers.add(name: name, value: value) }
            switch request.body {
            case .none: break
            case .json(let bytes):
                message.headers.add(name: "Content-Type", value: "application/json")
                message.body = .bytes(ByteBuffer(bytes: bytes))
            case .part(let part, let onBytes):
                let pieces = PartPieces(bytes: part.bytes, onBytes: onBytes)
                message.body = .stream(pieces, length: .known(Int64(part.bytes.count)))
            }
            let response = try await client.execute(
                message,
                deadline: .now() + .nanoseconds(request.limit.wholeNanoseconds)
            )
            let body = try await response.body.collect(upTo: Self.largestAnswerBytes)
            return Answer(
                status: Int(response.status.code),
                headers: response.headers,
                body: Array(body.readableBytesView)
            )
        } catch {
            throw PushTargetError(HTTPExchange.Failure(error), request)
        }
    }
}

/// A part in pieces that the connection takes one at a time, so that it is in memory once.
private struct PartPieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    private static let pieceBytes = 256 << 10

    let bytes: [UInt8]
    let onBytes: @Sendable (Int) -> Void

    struct AsyncIterator: AsyncIteratorProtocol {
        var rest: ArraySlice<UInt8>
        let onBytes: @Sendable (Int) -> Void

        mutating func next() async -> ByteBuffer? {
            guard !rest.isEmpty else { return nil }
            let piece = rest.prefix(PartPieces.pieceBytes)
            rest = rest.dropFirst(piece.count)
            onBytes(piece.count)
            return ByteBuffer(bytes: piece)
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(rest: bytes[...], onBytes: onBytes)
    }
}

extension Duration {
    fileprivate var wholeNanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}

extension PushTargetError {
    fileprivate init(_ failure: HTTPExchange.Failure, _ request: WebSession.Request) {
        let server = request.url.split(separator: "/").dropFirst().first.map(String.init) ?? ""
        switch failure {
        case .noConnection(let reason):
            self = .unreachable(reason: "\(server): \(reason)")
        case .timedOut: self = .unreachable(reason: "\(server): no answer in time")
        case .brokenOff(let reason):
            self = .unreachable(reason: "\(server): the connection broke off: \(reason)")
        }
    }
}
