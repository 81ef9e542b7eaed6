// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Push

/// Many requests to few servers, on connections that are kept: the HTTP client of a push.
package final class WebSession: Sendable {
    struct Request: Sendable {
        enum Body: Sendable {
            case none
            case json([UInt8])
            /// Binary, one after the other; told of as they are taken.
            case pieces([[UInt8]], onBytes: @Sendable (Int) -> Void)
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

    /// `connections`: As many to a server at a time.
    package init(connections: Int, certificate: CertificateCheck) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.decompression = .disabled
        configuration.tlsConfiguration = TLSConfiguration(checking: certificate)
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
                message.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
                message.body = .bytes(ByteBuffer(bytes: bytes))
            case .pieces(let pieces, let onBytes):
                let length = pieces.reduce(0) { $0 + $1.count }
                message.body = .stream(
                    Pieces(all: pieces, onBytes: onBytes),
                    length: .known(Int64(length))
                )
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

/// A body that the connection takes a little at a time, so that it is in memory once.
private struct Pieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    private static let stepBytes = 256 << 10

    let all: [[UInt8]]
    let onBytes: @Sendable (Int) -> Void

    struct AsyncIterator: AsyncIteratorProtocol {
        let all: [[UInt8]]
        let onBytes: @Sendable (Int) -> Void
        var piece = 0
        var offset = 0

        mutating func next() async -> ByteBuffer? {
            var buffer = ByteBuffer()
            while piece < all.count, buffer.readableBytes < Pieces.stepBytes {
                let rest = all[piece].dropFirst(offset)
                let step = rest.prefix(Pieces.stepBytes - buffer.readableBytes)
                buffer.writeBytes(step)
                offset += step.count
                if step.count == rest.count { (piece, offset) = (piece + 1, 0) }
            }
            guard buffer.readableBytes > 0 else { return nil }
            onBytes(buffer.readableBytes)
            return buffer
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(all: all, onBytes: onBytes) }
}

extension Duration {
    fileprivate var wholeNanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}

extension PushTargetError {
    fileprivate init(_ failure: HTTPExchange.Failure, _ request: WebSession.Request) {
        let host = request.url.split(separator: "/").dropFirst().first.map(String.init) ?? ""
        // A socket's path stands where the host does.
        let server = host.hasPrefix("%2F") ? host.removingPercentEncoding ?? host : host
        switch failure {
        case .noConnection(let reason):
            self = .unreachable(reason: "\(server): \(reason)")
        // It would be the same the next time.
        case .untrusted(let reason): self = .refused(reason: "\(server): \(reason)")
        case .timedOut: self = .unreachable(reason: "\(server): no answer in time")
        case .brokenOff(let reason):
            self = .unreachable(reason: "\(server): the connection broke off: \(reason)")
        }
    }
}
