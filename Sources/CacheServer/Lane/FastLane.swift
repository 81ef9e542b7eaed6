// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import Logging
import NIOCore
import NIOExtras
import NIOPosix

/// Answers what it can before the framework sees it, and lets everything else through unchanged.
///
/// It sits below the HTTP/1.1 parser of a connection without TLS. A narinfo in memory costs it one
/// look-up and one write; an object of the depot goes from the file to the socket inside the
/// kernel, which the framework's body writers cannot do.
final class FastLane: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private enum State {
        /// Between requests: the next bytes begin one.
        case open
        /// The framework has the connection until it has answered all that it was given.
        case passing(endsWithHead: Bool)
        /// Our own answer is being sent; what comes meanwhile is held.
        ///
        /// `request` is what asked for it, where the framework may still find another answer.
        case answering(LaneTransfer, request: ByteBuffer?)
    }

    /// Requests sent ahead of their answers are held up to this many bytes, then the socket waits.
    private static let maximumHeldBytes = 64 << 10

    private let answers: LaneAnswers
    private let metrics: ServerMetrics
    private let threads: NIOThreadPool
    private let connectionGuard: ConnectionGuard
    private let logger: Logger
    private var state = State.open
    private var held = ByteBuffer()
    private var heldEvents: [Any] = []
    private var hasHeldRead = false
    private var needsFlush = false
    private var closesAfterAnswer = false
    private var channel: (any Channel)?

    init(
        answers: LaneAnswers,
        metrics: ServerMetrics,
        threads: NIOThreadPool,
        connectionGuard: ConnectionGuard,
        logger: Logger
    ) {
        self.answers = answers
        self.metrics = metrics
        self.threads = threads
        self.connectionGuard = connectionGuard
        self.logger = logger
    }

    /// The last byte of what the framework had to answer is with the kernel.
    ///
    /// A client of HTTP/1.0 takes the end of the connection for the end of the answer; the framework
    /// does not tell it from one of HTTP/1.1.
    func answersHaveLeft() {
        if closesAfterAnswer { channel?.close(promise: nil) }
    }

    /// The framework has answered every request it has read.
    func frameworkIsIdle() {
        // Bytes of a further request may be in its parser unless the last ones ended a head.
        if case .passing(endsWithHead: true) = state { state = .open }
    }

    func handlerAdded(context: ChannelHandlerContext) { channel = context.channel }

    func handlerRemoved(context: ChannelHandlerContext) { channel = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        switch state {
        case .open: process(&bytes, context)
        case .passing: pass(bytes, context)
        case .answering: held.writeBuffer(&bytes)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flushIfNeeded(context)
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if case .answering = state, held.readableBytes >= Self.maximumHeldBytes {
            hasHeldRead = true
        } else {
            context.read()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // To the framework the connection looks idle now; it would close it under our answer.
        if case .answering = state, event is ChannelShouldQuiesceEvent || event is ChannelEvent {
            heldEvents.append(event)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .answering(let transfer, _) = state { transfer.cancel() }
        context.fireChannelInactive()
    }

    private func process(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
        while case .open = state, bytes.readableBytes > 0 {
            guard case .request(let request, let sizeBytes) = LaneRequest.read(bytes),
                let (kind, reply) = answers.reply(to: request)
            else { return pass(bytes, context) }
            let head = bytes.readSlice(length: sizeBytes)
            send(reply, kind, to: head, isHead: request.isHead, context)
        }
        held = bytes
    }

    private func pass(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        if case .open = state, LaneRequest.isHTTP10(bytes) { closesAfterAnswer = true }
        let tail = bytes.readableBytesView.suffix(4)
        state = .passing(endsWithHead: tail.elementsEqual("\r\n\r\n".utf8))
        context.fireChannelRead(wrapInboundOut(bytes))
    }

    private func send(
        _ reply: LaneAnswers.Reply,
        _ kind: EndpointKind,
        to request: ByteBuffer?,
        isHead: Bool,
        _ context: ChannelHandlerContext
    ) {
        switch reply {
        case .response(let buffer):
            let began = ContinuousClock.now
            metrics.requestStarted()
            connectionGuard.headArrived()
            write(buffer, context)
            connectionGuard.answerEnded()
            let record = Record(kind: kind, status: 200, began: began)
            finish(record, bytes: UInt64(buffer.readableBytes), isComplete: true)
        case .file(let file, let head):
            let record = Record(kind: kind, status: 200, began: .now)
            let body = BodyPart.file(file, range: 0..<file.sizeBytes)
            begin(record, [body], head, to: nil, isHead: isHead, context)
        case .answer(let answer):
            let record = Record(kind: kind, status: answer.status.code, began: .now)
            begin(record, answer.body, head(of: answer), to: request, isHead: isHead, context)
        }
    }

    private func begin(
        _ record: Record,
        _ body: [BodyPart],
        _ head: ByteBuffer,
        to request: ByteBuffer?,
        isHead: Bool,
        _ context: ChannelHandlerContext
    ) {
        metrics.requestStarted()
        connectionGuard.headArrived()
        let transfer = LaneTransfer(
            body,
            head: head,
            context: context,
            threads: threads,
            onMove: { [connectionGuard] in connectionGuard.answerMoved() },
            onEnd: { [self] outcome in end(record, outcome, isHead: isHead, context) }
        )
        state = .answering(transfer, request: request)
        transfer.advance()
    }

    private func end(
        _ record: Record,
        _ outcome: LaneTransfer.Outcome,
        isHead: Bool,
        _ context: ChannelHandlerContext
    ) {
        guard case .answering(let transfer, let request) = state else { return }
        connectionGuard.answerEnded()
        switch outcome {
        case .complete:
            finish(record, bytes: transfer.sentBytes, isComplete: true)
            resume(context)
        case .refused where request != nil:
            // Somebody else may have it, and the framework can wait while it is looked for.
            metrics.requestWithdrawn()
            var bytes = request ?? ByteBuffer()
            bytes.writeBuffer(&held)
            held = ByteBuffer()
            pass(bytes, openedBy: context)
        case .refused(let error):
            let cacheError = error as? CacheError ?? .storageUnavailable(error)
            let answer = ErrorResponse.answer(to: cacheError, isHead: isHead)
            logger.info("not sent", metadata: ["cause": "\(error)"])
            var record = record
            record.status = answer.status.code
            var response = head(of: answer)
            for case .bytes(let buffer) in answer.body { response.writeImmutableBuffer(buffer) }
            write(response, context)
            finish(record, bytes: UInt64(response.readableBytes), isComplete: true)
            resume(context)
        case .broken(let error):
            logger.info("broken off", metadata: ["cause": "\(error)"])
            finish(record, bytes: transfer.sentBytes, isComplete: false)
            context.close(promise: nil)
        }
    }

    /// The answer is out: on with what came meanwhile.
    private func resume(_ context: ChannelHandlerContext) {
        state = .open
        var bytes = held
        held = ByteBuffer()
        process(&bytes, context)
        settle(context)
    }

    private func pass(_ bytes: ByteBuffer, openedBy context: ChannelHandlerContext) {
        state = .open
        pass(bytes, context)
        settle(context)
    }

    /// What was held back for an answer that is out of the way goes on.
    private func settle(_ context: ChannelHandlerContext) {
        flushIfNeeded(context)
        // The framework takes up what it was given when a read is complete.
        if case .passing = state { context.fireChannelReadComplete() }
        guard case .answering = state else {
            let events = heldEvents
            heldEvents = []
            for event in events { context.fireUserInboundEventTriggered(event) }
            if hasHeldRead {
                hasHeldRead = false
                context.read()
            }
            return
        }
    }

    private func head(of answer: Answer) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: 512)
        ResponseHead.write(answer, isChunked: answer.bodySizeBytes == nil, into: &buffer)
        ResponseHead.finish(&buffer, date: answers.date.now)
        return buffer
    }

    private func write(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        needsFlush = true
        context.write(wrapOutboundOut(.byteBuffer(buffer)), promise: nil)
    }

    private func flushIfNeeded(_ context: ChannelHandlerContext) {
        guard needsFlush else { return }
        needsFlush = false
        context.flush()
    }

    private func finish(_ record: Record, bytes: UInt64, isComplete: Bool) {
        metrics.requestFinished(
            kind: record.kind,
            status: record.status,
            bytes: bytes,
            duration: record.began.duration(to: .now),
            isComplete: isComplete
        )
    }

    private struct Record {
        let kind: EndpointKind
        var status: Int
        let began: ContinuousClock.Instant
    }
}
