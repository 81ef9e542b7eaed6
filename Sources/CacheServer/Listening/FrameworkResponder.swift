// SPDX-License-Identifier: Apache-2.0
import CacheService
import FirnAPI
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix

/// Answers the requests that the framework has parsed: HTTP/2, TLS, and whatever the lane let pass.
struct FrameworkResponder: Sendable {
    let responder: CacheResponder
    let metrics: ServerMetrics
    let threads: NIOThreadPool
    let date: HTTPDate
    let isSecure: Bool
    /// Whether orders are taken here.
    let isControl: Bool
    let logger: Logger

    /// Small, for the framework keeps some ten of them on their way to a slow client.
    private static let pieceBytes = 64 << 10

    /// A NAR that failed somewhere may be had elsewhere; a disk that has just failed is not used again.
    private static func mostAttempts(after error: CacheError) -> Int {
        switch error {
        case .notFound: 4
        case .storageUnavailable: 2
        default: 1
        }
    }

    /// An order is a few words.
    private static let maximumOrderBytes = 64 << 10

    @concurrent
    func respond(
        _ request: Request,
        _ writer: consuming ResponseWriter,
        _ channel: any Channel
    ) async throws {
        let began = ContinuousClock.now
        metrics.requestStarted()
        let target = request.head.path ?? "/"
        let endpoint = try? Endpoint(parsing: target)
        let kind = endpoint.map(EndpointKind.init) ?? .unrecognised
        var facts = RequestFacts(request, isSecure: isSecure)
        if [.firn, .metrics, .statusPage, .statusEvents].contains(kind) {
            facts.isFromThisMachine = LocalOrigin.isLocal(request, over: channel)
            facts.isControl = isControl
            // Who shows no credentials has nothing to order elsewhere, and is told so unread.
            if isControl || facts.authorization != nil, request.method == .post,
                endpoint?.isOrder == true
            {
                let body = try? await request.body.collect(upTo: Self.maximumOrderBytes)
                facts.order = body.map { Array(buffer: $0) }
            }
        }
        let takesBodies = endpoint?.takesBodies ?? target.hasPrefix("/api/v1/cache/")
        if request.method == .put || request.method == .post && takesBodies {
            let answer = await take(request, target, facts, writer, channel)
            metrics.firstByte(kind, began.duration(to: .now))
            metrics.requestFinished(
                kind: kind,
                status: answer.status.code,
                bytes: 0,
                duration: began.duration(to: .now),
                isComplete: true
            )
            return try await write(answer, nil, Tally(), to: writer)
        }
        var answer = await responder.answer(method: request.method, target: target, facts: facts)
        var opened: Opened?
        var attempts = 1
        while true {
            do {
                opened = try await open(&answer)
                break
            } catch let error as CacheError
                where kind == .nar && attempts < Self.mostAttempts(after: error)
            {
                // What failed is not asked again for now; somebody else may have the same NAR.
                attempts += 1
                answer = await responder.answer(
                    method: request.method,
                    target: target,
                    facts: facts
                )
            } catch {
                answer = refusal(error, facts)
                break
            }
        }
        metrics.firstByte(kind, began.duration(to: .now))
        let tally = Tally()
        var isComplete = false
        defer {
            metrics.requestFinished(
                kind: kind,
                status: answer.status.code,
                bytes: tally.bytes,
                duration: began.duration(to: .now),
                isComplete: isComplete
            )
        }
        try await write(answer, opened, tally, to: writer)
        isComplete = true
    }

    /// Takes the body of a request that adds something to a cache, if its head allows it.
    @concurrent
    private func take(
        _ request: Request,
        _ target: String,
        _ facts: RequestFacts,
        _ writer: borrowing ResponseWriter,
        _ channel: any Channel
    ) async -> Answer {
        let head = BodyHead(
            method: request.method,
            target: target,
            lengthBytes: request.headers[.contentLength].flatMap { UInt64($0) },
            isEncoded: request.headers[.contentEncoding] != nil,
            contentMD5: request.headers[.contentMD5]
        )
        switch await responder.accept(head, facts) {
        case .answered(let answer): return answer
        case .body(let sink, let answer):
            do {
                // Who asks first is spared sending what would be refused.
                if request.headers[.expect]?.lowercased() == "100-continue" {
                    try await writer.writeInformationalHead(HTTPResponse(status: .continue))
                }
                // Bodies come in large pieces, unlike heads. A stream of HTTP/2 reads from no socket,
                // and ends the process when it is told how to.
                if let socket = channel as? any SocketOptionProvider {
                    let allocator = FixedSizeRecvByteBufferAllocator(capacity: Self.pieceBytes)
                    channel.setOption(.recvAllocator, value: allocator).whenComplete { _ in }
                    if Self.isPart(target) { Self.clampWindow(of: socket) }
                }
                for try await piece in request.body {
                    try await sink.write(Array(buffer: piece))
                }
                try await sink.finish()
                return try await answer()
            } catch {
                return responder.refusal(error, target)
            }
        }
    }

    /// Whether it is a stretch of a large NAR, of which nothing that has arrived is sent again.
    private static func isPart(_ target: String) -> Bool {
        guard case .firn(.push(_, .part)) = try? Endpoint(parsing: target) else { return false }
        return true
    }

    /// Bounds what the kernel takes of a body before this process does.
    ///
    /// It is lost when the process is killed, and has to be sent again. Seven connections of a push are then below one part of it, and
    /// still fill a line of 90 MB/s at 60 ms.
    private static func clampWindow(of socket: any SocketOptionProvider) {
        // TCP_WINDOW_CLAMP of linux/tcp.h; a unix socket has none.
        socket.unsafeSetSocketOption(
            level: .tcp,
            name: .init(rawValue: 10),
            value: Int32(768 << 10)
        ).whenComplete { _ in }
    }

    /// A source whose first bytes are in hand.
    private struct Opened {
        let source: any ByteSource
        let first: ByteBuffer
    }

    /// Reads the first bytes before the status goes out, so that it can still say what is wrong.
    private func open(_ answer: inout Answer) async throws -> Opened? {
        guard case .source(let open, let range, _)? = answer.body.first else { return nil }
        return try await opened(open, range)
    }

    private func opened(
        _ open: @escaping @Sendable (Range<UInt64>?) throws -> any ByteSource,
        _ range: Range<UInt64>?
    ) async throws -> Opened {
        let source = try await threads.runIfActive { try open(range) }
        return Opened(source: source, first: try await nextPiece(of: source))
    }

    @concurrent
    private func nextPiece(of source: any ByteSource) async throws -> ByteBuffer {
        try await source.ready()
        return try await threads.runIfActive { try Self.fill(from: source) }
    }

    private func refusal(_ error: any Error, _ facts: RequestFacts) -> Answer {
        logger.info("not sent", metadata: ["cause": "\(error)"])
        let cacheError = error as? CacheError ?? .storageUnavailable(error)
        return ErrorResponse.answer(to: cacheError, isHead: facts.isHead)
    }

    @concurrent
    private func write(
        _ answer: Answer,
        _ opened: Opened?,
        _ tally: Tally,
        to writer: consuming ResponseWriter
    ) async throws {
        var head = HTTPResponse(status: answer.status, headerFields: answer.headers)
        head.headerFields[.date] = date.now
        if answer.body.count <= 1, case .bytes(let buffer)? = answer.body.first {
            tally.bytes += UInt64(buffer.readableBytes)
            return try await writer.write(response: head, body: ResponseBody(byteBuffer: buffer))
        }
        var body: any ResponseBodyWriter = try await writer.writeHead(head)
        var opened = opened
        for part in answer.body {
            switch part {
            case .bytes(let buffer):
                tally.bytes += UInt64(buffer.readableBytes)
                try await body.write(buffer)
            case .file(let file, let range):
                try await send(file, range, tally, to: &body)
            case .source(let open, let range, let sizeBytes):
                let first: Opened
                if let opened {
                    first = opened
                } else {
                    first = try await self.opened(open, range)
                }
                opened = nil
                try await send(first, sizeBytes: sizeBytes, tally, to: &body)
            }
        }
        try await body.finish(nil)
    }

    /// The next piece is read while this one is sent.
    @concurrent
    private func send(
        _ opened: Opened,
        sizeBytes: UInt64?,
        _ tally: Tally,
        to body: inout any ResponseBodyWriter
    ) async throws {
        var sent: UInt64 = 0
        var piece = opened.first
        let source = opened.source
        while piece.readableBytes > 0 {
            sent += UInt64(piece.readableBytes)
            tally.bytes += UInt64(piece.readableBytes)
            guard sent != sizeBytes else {
                try await body.write(piece)
                break
            }
            async let next = nextPiece(of: source)
            try await body.write(piece)
            piece = try await next
        }
        if let sizeBytes, sent != sizeBytes { throw ShortBody(missingBytes: sizeBytes - sent) }
    }

    @concurrent
    private func send(
        _ file: FileContent,
        _ range: Range<UInt64>,
        _ tally: Tally,
        to body: inout any ResponseBodyWriter
    ) async throws {
        var position = range.lowerBound
        while position < range.upperBound {
            let count = Int(min(UInt64(Self.pieceBytes), range.upperBound - position))
            let offset = position
            let piece = try await threads.runIfActive {
                try FilePiece.read(file, at: offset, count: count)
            }
            position += UInt64(piece.readableBytes)
            tally.bytes += UInt64(piece.readableBytes)
            try await body.write(piece)
        }
    }

    private static func fill(from source: any ByteSource) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: pieceBytes)
        _ = try unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: pieceBytes) {
            space in
            try unsafe source.fill(UnsafeMutableRawBufferPointer(rebasing: space[..<pieceBytes]))
        }
        return buffer
    }
}

/// What was sent so far, also when sending ends with an error.
private final class Tally: @unchecked Sendable {
    // SAFETY: touched by the one task that answers the request.
    var bytes: UInt64 = 0
}

extension RequestFacts {
    init(_ request: Request, isSecure: Bool) {
        self.init(
            isHead: request.method == .head,
            ifNoneMatch: request.headers[.ifNoneMatch],
            range: request.headers[.range],
            ifRange: request.headers[.ifRange],
            acceptEncoding: request.headers[.acceptEncoding],
            host: request.head.authority ?? request.headers[HTTPField.Name.host],
            isSecure: isSecure || request.headers[.xForwardedProto]?.lowercased() == "https",
            via: request.headers[.firnVia],
            authorization: request.headers[.authorization]
        )
        availableDictionary = request.headers[.availableDictionary]
        dictionaryID = request.headers[.dictionaryID]
        firnBases = request.headers[.firnBases]
        firnPace = request.headers[.firnPace]
    }
}
