// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Dispatch
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Requests over HTTP/1.1: the only place that knows the HTTP client.
///
/// Whoever calls waits on a thread of its own; bytes are carried by the client's event loops.
final class S3HTTPExchange: S3Exchange {
    /// How many connections there may be; all others wait for one.
    static let connections = 32
    /// Without a byte for so long, a connection is given up.
    private static let idleLimit = TimeAmount.seconds(60)

    private let client: HTTPClient

    /// `authorityFile`: PEM; `nil` for the system's authorities.
    init(authorityFile: String?) {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let authorityFile { tls.trustRoots = .file(authorityFile) }
        var settings = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(10), read: Self.idleLimit),
            connectionPool: .init(
                // Less than the time after which most servers close.
                idleTimeout: .seconds(15),
                concurrentHTTP1ConnectionsPerHostSoftLimit: Self.connections
            ),
            decompression: .disabled
        )
        settings.connectionPool.retryConnectionEstablishment = false
        settings.httpVersion = .http1Only
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
    }

    deinit { client.shutdown { _ in } }

    func send(_ message: S3Message) throws -> any S3Answer {
        let request: HTTPClient.Request
        do {
            request = try HTTPClient.Request(
                url: message.url,
                method: HTTPMethod(rawValue: message.method),
                headers: HTTPHeaders(message.headers.filter { $0.key != "host" }.map { ($0, $1) }),
                body: Self.body(message.body)
            )
        } catch {
            throw S3Problem.unreachable("\(error)")
        }
        let arrival = S3HTTPArrival()
        let answer = S3HTTPAnswer(arrival)
        arrival.start(client.execute(request: request, delegate: arrival))
        try arrival.waitForHead()
        return answer
    }

    private static func body(_ body: S3Body) -> HTTPClient.Body? {
        switch body {
        case .none: nil
        case .bytes(let bytes): .bytes(bytes)
        case .file(let part, _):
            .stream(contentLength: Int64(part.sizeBytes)) { writer in
                let loop = MultiThreadedEventLoopGroup.singleton.any()
                return send(part, from: 0, to: writer, on: loop)
            }
        }
    }

    /// Reads a piece on a thread that may wait for the disk, writes it, and goes on with the next.
    private static func send(
        _ part: any S3FilePart,
        from offset: UInt64,
        to writer: HTTPClient.Body.StreamWriter,
        on loop: any EventLoop
    ) -> EventLoopFuture<Void> {
        guard offset < part.sizeBytes else { return loop.makeSucceededVoidFuture() }
        let count = Int(min(part.sizeBytes - offset, 256 << 10))
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            try unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
                let front = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
                try unsafe part.read(at: offset, into: front)
                return count
            }
            return buffer
        }.flatMap { buffer in
            writer.write(.byteBuffer(buffer))
        }.hop(to: loop).flatMap {
            send(part, from: offset + UInt64(count), to: writer, on: loop)
        }
    }
}

/// An answer that ends its request when nobody holds on to it any more.
private final class S3HTTPAnswer: S3Answer {
    private let arrival: S3HTTPArrival

    init(_ arrival: S3HTTPArrival) { self.arrival = arrival }

    deinit { arrival.cancel() }

    var status: Int { arrival.status }

    func header(_ name: String) -> String? { arrival.header(name) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try unsafe arrival.read(into: buffer)
    }

    func cancel() { arrival.cancel() }
}

/// An answer as it arrives; the connection is read no faster than whoever waits here reads.
private final class S3HTTPArrival: HTTPClientResponseDelegate {
    /// More than this waits in the connection.
    private static let waitingBytes = 256 << 10

    private struct State {
        var task: HTTPClient.Task<Void>?
        var head: HTTPResponseHead?
        var waiting: [ByteBuffer] = []
        var waitingCount = 0
        /// Lets the connection go on.
        var goOn: EventLoopPromise<Void>?
        var isAtEnd = false
        var problem: S3Problem?
        var isCancelled = false
    }

    private let state = Mutex(State())
    /// Signalled with every change.
    private let news = DispatchSemaphore(value: 0)

    func start(_ task: HTTPClient.Task<Void>) { state.withLock { $0.task = task } }

    func waitForHead() throws {
        while true {
            let isThere = try state.withLock { state in
                if let problem = state.problem { throw problem }
                return state.head != nil
            }
            if isThere { return }
            news.wait()
        }
    }

    var status: Int { state.withLock { Int($0.head?.status.code ?? 0) } }

    func header(_ name: String) -> String? { state.withLock { $0.head?.headers.first(name: name) } }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let (count, goOn) = try state.withLock { state in
                guard var first = state.waiting.first else {
                    if let problem = state.problem { throw problem }
                    return (state.isAtEnd ? 0 : nil as Int?, nil as EventLoopPromise<Void>?)
                }
                let count = min(first.readableBytes, buffer.count)
                unsafe first.readWithUnsafeReadableBytes { bytes in
                    unsafe buffer.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: bytes[..<count])
                    )
                    return count
                }
                if first.readableBytes == 0 {
                    state.waiting.removeFirst()
                } else {
                    state.waiting[0] = first
                }
                state.waitingCount -= count
                guard state.waitingCount < Self.waitingBytes else { return (count, nil) }
                defer { state.goOn = nil }
                return (count, state.goOn)
            }
            goOn?.succeed()
            if let count { return count }
            news.wait()
        }
    }

    func cancel() {
        let (task, goOn) = state.withLock { state in
            state.isCancelled = true
            defer { state.goOn = nil }
            return (state.isAtEnd ? nil : state.task, state.goOn)
        }
        task?.cancel()
        goOn?.succeed()
    }

    func didReceiveHead(
        task: HTTPClient.Task<Void>,
        _ head: HTTPResponseHead
    ) -> EventLoopFuture<Void> {
        state.withLock { $0.head = head }
        news.signal()
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(
        task: HTTPClient.Task<Void>,
        _ buffer: ByteBuffer
    ) -> EventLoopFuture<Void> {
        let promise = state.withLock { state -> EventLoopPromise<Void>? in
            state.waiting.append(buffer)
            state.waitingCount += buffer.readableBytes
            guard state.waitingCount >= Self.waitingBytes, !state.isCancelled else { return nil }
            let promise = task.eventLoop.makePromise(of: Void.self)
            state.goOn = promise
            return promise
        }
        news.signal()
        return promise?.futureResult ?? task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) {
        let goOn = state.withLock { state in
            state.problem = S3Problem(error)
            defer { state.goOn = nil }
            return state.goOn
        }
        goOn?.succeed()
        news.signal()
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) throws {
        state.withLock { $0.isAtEnd = true }
        news.signal()
    }
}

extension S3Problem {
    /// Puts an error of the HTTP client, or from below it, into our words.
    fileprivate init(_ error: any Error) {
        switch error {
        case let error as NIOConnectionError where error.dnsAError != nil:
            self = .unreachable("no address is known for \(error.host)")
        case let error as NIOConnectionError:
            let cause = error.connectionErrors.first.map { "\($0.error)" }
            self = .unreachable(cause ?? "nothing answers at \(error.host):\(error.port)")
        case let error as NIOSSLError: self = .untrusted("\(error)")
        case let error as NIOSSLExtraError: self = .untrusted("\(error)")
        case let error as HTTPClientError where error == .connectTimeout:
            self = .unreachable("nothing answers the connection")
        case let error as HTTPClientError where error == .readTimeout:
            self = .unreachable("it has been silent for too long")
        default:
            let text = String("\(error)".prefix(200))
            self = text.contains("CERTIFICATE") ? .untrusted(text) : .unreachable(text)
        }
    }
}
